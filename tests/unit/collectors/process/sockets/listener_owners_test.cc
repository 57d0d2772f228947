// Whose connections are those, where no descriptor may be read?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/process/sockets/connection_sampler.h"
#include "tests/unit/collectors/process/sockets/connection_sampler_fixture.h"

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(ConnectionSamplerTest, WithoutRightsLeavesOutOtherUsersConnections) {
  AddApp(10, "my_app", {100}, {{1}, {}}, 33);
  Tcp(kLoopback, kListeningRow, 100, 0, 33);
  Tcp(kLoopback, kEstablishedRow, 1, 0, 33);
  Tcp(kLoopback, kEstablishedRow, 901, 0, 99);
  DenyDescriptors();
  Sample();
  EXPECT_EQ(App("my_app").connections, 1U);
  EXPECT_EQ(Working("my_app"), 1U);
}

TEST_F(ConnectionSamplerTest, WithoutRightsLeavesOutWhatComesInElsewhere) {
  AddApp(10, "my_app", {100}, {{1}, {}}, 33);
  Tcp(kWildcard, kListeningRow, 100, 0, 33);
  // Clients of the loopback address are this one's, although it is shared.
  Tcp(kLoopback, kListeningRow, 900, 0, 99);
  Tcp(kLoopback, kListeningRow, 901, 0, 99);
  Tcp(kLoopback, kEstablishedRow, 902, 0, 33);
  DenyDescriptors();
  Sample();
  EXPECT_EQ(App("my_app").connections, 0U);
}

TEST_F(ConnectionSamplerTest, WithoutRightsASharedPortHasNoConnections) {
  AddApp(10, "my_app", {100}, {{1}, {}}, 33);
  Tcp(kLoopback, kListeningRow, 100, 0, 33);
  Tcp(kLoopback, kListeningRow, 900, 0, 99);
  Tcp(kLoopback, kEstablishedRow, 1, 0, 33);
  DenyDescriptors();
  Sample();
  EXPECT_FALSE(App("my_app").connections);
  EXPECT_EQ(Unknown("my_app"), 2U);
}

TEST_F(ConnectionSamplerTest, WithoutRightsTwoAppsOfOneUserHaveNoSockets) {
  AddApp(10, "first", {100}, {{1}}, 33);
  AddApp(20, "second", {200}, {{2}}, 33);
  Tcp(kLoopback, kListeningRow, 100, 0, 33);
  Tcp("0100007F:1F41", kListeningRow, 200, 0, 33);
  Tcp(kLoopback, kEstablishedRow, 1, 0, 33);
  DenyDescriptors();
  Sample();
  EXPECT_FALSE(App("first").connections);
  EXPECT_FALSE(App("second").connections);
  EXPECT_THAT(Queues("first"), IsEmpty());
  EXPECT_EQ(Unknown("first"), 1U);
}

// Another process of that user may have opened it.
TEST_F(ConnectionSamplerTest, WithoutRightsAUserOfOtherProcessesProvesNothing) {
  AddApp(10, "my_app", {100}, {{1}, {}}, 33);
  AddStranger(50, 33);
  Tcp(kLoopback, kListeningRow, 100, 0, 33);
  Tcp(kLoopback, kEstablishedRow, 1, 0, 33);
  DenyDescriptors();
  Sample();
  EXPECT_FALSE(App("my_app").connections);
  EXPECT_THAT(Queues("my_app"), IsEmpty());
  EXPECT_EQ(Unknown("my_app"), 2U);
}

TEST_F(ConnectionSamplerTest, WithoutRightsTheConfiguredBindIsTheApps) {
  InstanceConfig instance;
  instance.proc_name = "my_app";
  instance.bind = {"127.0.0.1:8000", "unix:/run/a.sock"};
  config_.instances = {instance};
  AddApp(10, "my_app", {100}, {{1}, {}, {}}, 33);
  AddStranger(50, 33);
  Tcp(kLoopback, kListeningRow, 100, 3);
  Tcp(kLoopback, kEstablishedRow, 1);
  Unix("/run/a.sock", true, 101);
  Unix("/run/a.sock", false, 2);
  Unix("/run/b.sock", true, 102);
  DenyDescriptors();
  Sample();
  EXPECT_EQ(App("my_app").connections, 2U);
  EXPECT_EQ(App("my_app").requests_in_progress, 2U);
  EXPECT_EQ(Working("my_app"), 2U);
  EXPECT_EQ(Unknown("my_app"), 0U);
  EXPECT_THAT(Queues("my_app"),
              ElementsAre("127.0.0.1:8000 3", "unix:/run/a.sock 0"));
}

TEST_F(ConnectionSamplerTest, NamesWhereOrphansListen) {
  AddOrphan(11, "my_app", 100);
  Tcp(kLoopback, kListeningRow, 100);
  SampleIn({11});
  EXPECT_EQ(App("my_app").status.message,
            "Found no master process with name: gunicorn: master [my_app]; 1 "
            "orphaned worker (pid 11) still runs and listens on "
            "127.0.0.1:8000");
  EXPECT_FALSE(App("my_app").status.ok);
  EXPECT_EQ(App("my_app").status.Workers(), 0U);
}

TEST_F(ConnectionSamplerTest, AMasterWhoseNamespaceCouldNotBeReadIsAskedAgain) {
  AddApp(10, "my_app", {100}, {{}});
  Tcp(kLoopback, kListeningRow, 100);
  Sample();
  prometheus::Registry registry;
  ProcReader reader(proc_.root(), registry);
  SoleOwners sole_owners(reader, "");
  ListenerOwners owners(reader, sole_owners);
  RemoveFile("10/net/tcp");
  EXPECT_THAT(owners.FindTenants(known_), IsEmpty());
  proc_.WriteFile("10/net/tcp", "");
  EXPECT_EQ(owners.FindTenants(known_).size(), 1U);
}

}  // namespace
}  // namespace gunicorn_exporter
