// Whose connections and queues are those, on addresses that are shared?
#include "collectors/process/sockets/connection_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/collectors/process/sockets/connection_sampler_fixture.h"

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;

TEST_F(ConnectionSamplerTest, TellsTwoAppsOnOnePortApart) {
  AddApp(10, "first", {100}, {{1, 2}, {}});
  AddApp(20, "second", {200}, {{3}, {}});
  Tcp(kLoopback, kListeningRow, 100, 4);
  Tcp(kLoopback, kListeningRow, 200, 1);
  for (const int inode : {1, 2, 3, 0}) Tcp(kLoopback, kEstablishedRow, inode);
  Sample();
  EXPECT_EQ(App("first").connections, 2U);
  EXPECT_EQ(App("second").connections, 1U);
  EXPECT_EQ(Working("first"), 1U);
  EXPECT_EQ(Working("second"), 1U);
  EXPECT_THAT(Queues("first"), ElementsAre("127.0.0.1:8000 4"));
  EXPECT_THAT(Queues("second"), ElementsAre("127.0.0.1:8000 1"));
}

TEST_F(ConnectionSamplerTest, AddsUpTwoMastersOfOneAppOnOnePort) {
  AddApp(10, "my_app", {100}, {{1}});
  AddApp(20, "my_app", {200}, {{2}});
  Tcp(kLoopback, kListeningRow, 100, 4);
  Tcp(kLoopback, kListeningRow, 200, 1);
  for (const int inode : {1, 2}) Tcp(kLoopback, kEstablishedRow, inode);
  Sample();
  EXPECT_EQ(App("my_app").connections, 2U);
  EXPECT_EQ(Working("my_app"), 2U);
  EXPECT_THAT(Queues("my_app"), ElementsAre("127.0.0.1:8000 5"));
}

TEST_F(ConnectionSamplerTest, CountsASocketOnceThatTwoMastersOfOneAppHave) {
  AddApp(10, "my_app", {100}, {{1}});
  AddApp(20, "my_app", {100}, {{2}});
  Tcp(kLoopback, kListeningRow, 100, 4);
  for (const int inode : {1, 2}) Tcp(kLoopback, kEstablishedRow, inode);
  Sample();
  EXPECT_EQ(App("my_app").connections, 2U);
  EXPECT_THAT(Queues("my_app"), ElementsAre("127.0.0.1:8000 4"));
}

TEST_F(ConnectionSamplerTest, ShowsTheQueueOfASharedSocketInEachApp) {
  AddApp(10, "first", {100}, {{1}});
  AddApp(20, "second", {100}, {{2}});
  Tcp(kLoopback, kListeningRow, 100, 4);
  for (const int inode : {1, 2}) Tcp(kLoopback, kEstablishedRow, inode);
  Sample();
  EXPECT_EQ(App("first").connections, 1U);
  EXPECT_EQ(App("second").connections, 1U);
  EXPECT_THAT(Queues("first"), ElementsAre("127.0.0.1:8000 4"));
  EXPECT_THAT(Queues("second"), ElementsAre("127.0.0.1:8000 4"));
}

TEST_F(ConnectionSamplerTest, LeavesOutWhatAForeignProcessHolds) {
  AddApp(10, "my_app", {100}, {{1}, {}});
  Tcp(kLoopback, kListeningRow, 100);
  Tcp(kLoopback, kListeningRow, 900, 7);
  for (const int inode : {1, 901, 902}) Tcp(kLoopback, kEstablishedRow, inode);
  Sample();
  EXPECT_EQ(App("my_app").connections, 1U);
  EXPECT_EQ(Working("my_app"), 1U);
  EXPECT_THAT(Queues("my_app"), ElementsAre("127.0.0.1:8000 0"));
}

TEST_F(ConnectionSamplerTest, TellsAnExactAddressFromTheWildcard) {
  AddApp(10, "exact", {100}, {{1}});
  AddApp(20, "any", {200}, {{2}});
  Tcp(kLoopback, kListeningRow, 100);
  Tcp(kWildcard, kListeningRow, 200);
  Tcp(kLoopback, kEstablishedRow, 1);
  // Accepted before the exact address was opened.
  Tcp(kLoopback, kEstablishedRow, 2);
  Sample();
  EXPECT_EQ(App("exact").connections, 1U);
  EXPECT_EQ(App("any").connections, 1U);
}

TEST_F(ConnectionSamplerTest, KnowsTheClientsOfADualStackListener) {
  AddApp(10, "my_app", {100}, {{1}, {2}});
  Tcp(kWildcard6, kListeningRow, 100, 1);
  Tcp(kMapped, kEstablishedRow, 1);
  Tcp(kLoopback6, kEstablishedRow, 2);
  // Of a foreign listener, of IPv4 alone, on the same port.
  Tcp(kWildcard, kListeningRow, 900);
  Tcp(kLoopback, kEstablishedRow, 901);
  Sample();
  EXPECT_EQ(App("my_app").connections, 2U);
  EXPECT_EQ(Working("my_app"), 2U);
  EXPECT_THAT(Queues("my_app"), ElementsAre("[::]:8000 1"));
}

TEST_F(ConnectionSamplerTest, TellsTwoListenersOnOneUnixPathApart) {
  AddApp(10, "first", {100}, {{1}});
  AddApp(20, "second", {200}, {{2}});
  Unix("/run/a.sock", true, 100);
  Unix("/run/a.sock", true, 200);
  for (const int inode : {1, 2}) Unix("/run/a.sock", false, inode);
  Sample();
  EXPECT_EQ(App("first").connections, 1U);
  EXPECT_EQ(App("second").connections, 1U);
}

TEST_F(ConnectionSamplerTest, CountsWhatWaitsOnAUnixPathOnce) {
  AddApp(10, "my_app", {100}, {{1}});
  AddApp(20, "my_app", {200}, {{2}});
  Unix("/run/a.sock", true, 100);
  Unix("/run/a.sock", true, 200);
  for (const int inode : {0, 0, 0}) Unix("/run/a.sock", false, inode);
  Sample();
  EXPECT_THAT(Queues("my_app"), ElementsAre("unix:/run/a.sock 3"));
}

TEST_F(ConnectionSamplerTest, LeavesOutWhatTheMasterAloneHolds) {
  AddApp(10, "my_app", {100}, {{1}});
  HoldByMaster(10, 101);
  HoldByMaster(10, 102);
  Tcp(kLoopback, kListeningRow, 100);
  Tcp("0100007F:1F41", kListeningRow, 101);
  Unix("/home/me/.gunicorn/control.sock", true, 102);
  Sample();
  EXPECT_THAT(Queues("my_app"), ElementsAre("127.0.0.1:8000 0"));
}

// Else the time that reading takes would be added to every age.
TEST_F(ConnectionSamplerTest, AsksForTheTimeWhenTheSocketsHaveBeenTold) {
  AddApp(100, "shop", {1}, {{70}});
  Tcp(kLoopback, kListeningRow, 1);
  Sample();
  bool is_asked = false;
  const auto sockets = SampleAgain([&] {
    if (!is_asked) Tcp(kLoopback, kEstablishedRow, 70);
    is_asked = true;
    WriteSockets();
    return SystemClocks().now();
  });
  EXPECT_TRUE(is_asked);
  EXPECT_EQ(sockets.at("shop").connections, 0U);
  EXPECT_EQ(SampleAgain().at("shop").connections, 1U);
}

// They are no lost requests where their worker dies.
TEST_F(ConnectionSamplerTest, TellsWhichRequestsAreOnlyTakenForOne) {
  AddApp(10, "threaded", {100}, {{1}}, 0, true);
  AddApp(20, "sync", {200}, {{2}});
  Tcp(kLoopback, kListeningRow, 100);
  Tcp(kLoopback, kListeningRow, 200);
  for (const int inode : {1, 2}) Tcp(kLoopback, kEstablishedRow, inode);
  Sample();
  auto sockets = SampleAgain();
  EXPECT_EQ(sockets["threaded"].requests.count, 1U);
  EXPECT_EQ(sockets["threaded"].requests.untold, 1U);
  EXPECT_EQ(sockets["sync"].requests.count, 1U);
  EXPECT_EQ(sockets["sync"].requests.untold, 0U);
}

// As where descriptors have run out, and its stat cannot be read.
TEST_F(ConnectionSamplerTest, TakesNoWorkerForGoneThatCannotBeRead) {
  AddApp(10, "my_app", {100}, {{1}});
  Tcp(kLoopback, kListeningRow, 100);
  Tcp(kLoopback, kEstablishedRow, 1);
  Sample();
  DenyDescriptorsOf(11);
  RemoveFile("11/stat");
  EXPECT_EQ(SampleAgain()["my_app"].connections, 1U);
}

}  // namespace
}  // namespace gunicorn_exporter
