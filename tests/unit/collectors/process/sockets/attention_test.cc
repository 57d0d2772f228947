#include "collectors/process/sockets/attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>

#include <string>

#include "tests/support/fake_proc.h"

namespace gunicorn_exporter {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(WaitedFor, TellsWhatAThreadedWorkerPolls) {
  const std::vector<FdLink> links = {{5, "socket:[10]"},
                                     {6, "anon_inode:[eventpoll]"},
                                     {9, "socket:[11]"},
                                     {12, "socket:[12]"}};
  EXPECT_THAT(WaitedFor(links, {{5, 9}}, {10, 11, 12}), ElementsAre(10, 11));
  EXPECT_THAT(WaitedFor(links, {{5, 9}}, {10, 12}), ElementsAre())
      << "an event loop polls its own socket, too";
  EXPECT_THAT(WaitedFor({{5, "socket:[10]"}, {7, "anon_inode:[eventfd]"}},
                        {{5, 7}}, {10}),
              ElementsAre());
}

TEST(ParseEpollSet, TakesItsDescriptors) {
  EXPECT_THAT(ParseEpollSet("pos:\t0\nflags:\t02\n"
                            "tfd:       10 events:       19 data: a\n"
                            "tfd:        5 events:       19 data: b\n"
                            "tfd: x\n"),
              ElementsAre(5, 10));
}

std::string Reads(int syscall, const char* fd) {
  return std::to_string(syscall) + " " + fd + " 0x7f2f0c0a1b43 0x5\n";
}

TEST(ParseReadDescriptor, TakesThatOfARead) {
  EXPECT_EQ(ParseReadDescriptor(Reads(SYS_read, "0x9")), 9);
  EXPECT_EQ(ParseReadDescriptor(Reads(SYS_recvfrom, "0x1f")), 31);
  EXPECT_EQ(ParseReadDescriptor(Reads(SYS_write, "0x9")), std::nullopt);
  EXPECT_EQ(ParseReadDescriptor("running\n"), std::nullopt);
  EXPECT_EQ(ParseReadDescriptor("-1 0x7ffd 0x7f00\n"), std::nullopt);
  EXPECT_EQ(ParseReadDescriptor(std::to_string(SYS_read)), std::nullopt);
  EXPECT_EQ(ParseReadDescriptor(""), std::nullopt);
}

const std::string kPoll = std::to_string(SYS_ppoll);

TEST(ParsePollAddress, TakesThatOfOneDescriptor) {
  EXPECT_EQ(ParsePollAddress(kPoll + " 0x7f567cefe688 0x1 0x0\n"),
            0x7f567cefe688U);
  EXPECT_EQ(ParsePollAddress(kPoll + " 0x7f567cefe688 0x2 0x0\n"),
            std::nullopt);
  EXPECT_EQ(ParsePollAddress(Reads(SYS_read, "0x9")), std::nullopt);
  EXPECT_EQ(ParsePollAddress(kPoll + " 1 0x1"), std::nullopt);
  EXPECT_EQ(ParsePollAddress("running\n"), std::nullopt);
}

class ReadAttentionsTest : public testing::Test {
 protected:
  ReadAttentionsTest() {
    proc_.Set(11, {});
    proc_.WriteFile("11/fdinfo/6", "tfd:  5 events: 19\ntfd:  9 events: 19\n");
    proc_.WriteFile("11/task/11/syscall", "232 0x6 0x7ffd 0x5\n");
    proc_.WriteFile("11/task/12/syscall", Reads(SYS_read, "0xa"));
    descriptors_.links = {{5, "socket:[10]"},
                          {6, "anon_inode:[eventpoll]"},
                          {9, "socket:[11]"},
                          {10, "socket:[12]"},
                          {11, "socket:[13]"}};
    descriptors_.sockets = ToHeldSockets(descriptors_.links);
  }

  Attentions Read() {
    prometheus::Registry registry;
    ProcReader reader(proc_.root(), registry);
    return ReadAttentions(reader, 11, descriptors_, {11, 12, 13},
                          {10, 11, 12, 13});
  }

  FakeProc proc_;
  Descriptors descriptors_;
};

TEST_F(ReadAttentionsTest, TellWhatIsAwaitedReadAndServed) {
  EXPECT_THAT(Read(), UnorderedElementsAre(Pair(11, Attention::kAwaited),
                                           Pair(12, Attention::kRead),
                                           Pair(13, Attention::kServed)));
}

TEST_F(ReadAttentionsTest, TellWhatIsReadWithATimeout) {
  pollfd waits{11, POLLIN, 0};
  const auto write = [&] {
    const std::string bytes(reinterpret_cast<const char*>(&waits),
                            sizeof waits);
    proc_.WriteFile("11/mem", "four" + bytes);
  };
  proc_.WriteFile("11/task/12/syscall", kPoll + " 0x4 0x1 0x7530\n");
  EXPECT_THAT(Read(), ElementsAre(Pair(11, Attention::kAwaited)))
      << "its memory may not be read";
  write();
  EXPECT_THAT(Read(), UnorderedElementsAre(Pair(11, Attention::kAwaited),
                                           Pair(12, Attention::kServed),
                                           Pair(13, Attention::kRead)));
  waits.events = POLLOUT;
  write();
  EXPECT_THAT(Read(), Contains(Pair(13, Attention::kServed)));
}

TEST_F(ReadAttentionsTest, TellWhatIsAwaitedAloneWhereThreadsMayNotBeRead) {
  proc_.WriteFile("11/task/13/comm", "");
  EXPECT_THAT(Read(), ElementsAre(Pair(11, Attention::kAwaited)));
}

TEST_F(ReadAttentionsTest, TellNothingOfAnEventLoop) {
  descriptors_.links[0].target = "anon_inode:[eventfd]";
  EXPECT_THAT(Read(), IsEmpty());
}

}  // namespace
}  // namespace gunicorn_exporter
