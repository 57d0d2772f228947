#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <filesystem>

#include "collectors/process/process_monitor.h"
#include "tests/support/fake_proc.h"

namespace gunicorn_exporter {
namespace {

sockaddr_storage Source(const char* address, std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  inet_pton(AF_INET, address, &v4.sin_addr);
  sockaddr_storage storage{};
  std::memcpy(&storage, &v4, sizeof v4);
  return storage;
}

// A UDP socket of 10.1.2.3:40000 with inode 77, of user 33.
constexpr const char* kUdp =
    "  sl  local_address\n"
    "  1: 0302010A:9C40 0302010A:1FBD 01 00000000:00000000 00:00000000 "
    "00000000 "
    "33 0 77 2 0 0\n";
constexpr const char* kTrie =
    "  +-- 10.1.2.0/24\n     |-- 10.1.2.3\n        /32 host LOCAL\n";

class SenderFinderTest : public testing::Test {
 protected:
  void AddApp(pid_t pid, const std::string& name, FakeProcess process = {}) {
    process.files["net/tcp"] = "";
    proc_.SetTitled(pid, 1, "gunicorn: master [" + name + "]", process);
    proc_.SetTitled(pid + 1, pid, "gunicorn: worker [" + name + "]", process);
    MoveToNetworkOf(pid, pid + 1);
  }
  // A network namespace is told by the inode of net/tcp.
  void MoveToNetworkOf(pid_t other, pid_t pid) {
    const std::filesystem::path root = proc_.root();
    const auto tcp_of = [&](pid_t process) {
      return root / std::to_string(process) / "net/tcp";
    };
    std::filesystem::remove(tcp_of(pid));
    std::filesystem::create_hard_link(tcp_of(other), tcp_of(pid));
  }
  // Nobody is seen to hold the socket of what is sent from 10.1.2.3:40000.
  static FakeProcess OfAUser() {
    FakeProcess process;
    process.files["net/udp"] = kUdp;
    process.files["status"] = "Uid:\t0\t33\t0\t0\n";
    return process;
  }
  static FakeProcess WithAddress() {  // 10.1.2.3, of its network namespace.
    FakeProcess process;
    process.files["net/fib_trie"] = kTrie;
    return process;
  }

  void Make() {
    MonitorClocks clocks = SystemClocks();
    clocks.now = [this] { return now_; };
    clocks.boot_seconds = [this] { return boot_seconds_; };
    monitor_ = std::make_unique<ProcessMonitor>(
        Config{}, ProcessPaths{proc_.root(), ""}, registry_, clocks);
    monitor_->Scan();
  }

  std::optional<Sender> Ask(const SenderAddress& address) {
    return monitor_->Answer({{1, address}}).at(0).sender;
  }
  std::string StatsdSocketOf(const std::string& app) {
    for (const AppView& view : monitor_->View(false).apps) {
      if (view.status.app.name == app) return view.status.statsd_socket;
    }
    return "no such app";
  }
  std::optional<Sender> FindByPid(pid_t pid) {
    return Ask({pid, std::nullopt});
  }
  std::optional<Sender> FindByUdpSource(const sockaddr_storage& source) {
    return Ask({0, source});
  }

  FakeProc proc_;
  prometheus::Registry registry_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
  double boot_seconds_ = 3600;
  std::unique_ptr<ProcessMonitor> monitor_;
};

TEST_F(SenderFinderTest, NamesTheAppOfAPid) {
  AddApp(10, "a");
  AddApp(20, "b");
  Make();
  const auto sender = FindByPid(21);
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->app.name, "b");
  EXPECT_EQ(sender->pid, 21);
  EXPECT_EQ(sender->start_time, 1000U);
}

TEST_F(SenderFinderTest, NamesTheAppOfAWorkersChild) {
  AddApp(10, "a");
  proc_.SetCommand(30, 11, "convert picture");
  Make();
  const auto sender = FindByPid(30);
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->app.name, "a");
  EXPECT_EQ(sender->pid, 30);
}

TEST_F(SenderFinderTest, NamesTheAppOfAWorkerThatHasEndedSinceTheLastScan) {
  AddApp(10, "a");
  AddApp(20, "b");
  Make();
  proc_.Remove(21);
  const auto sender = FindByPid(21);
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->app.name, "b");
  monitor_->Scan();
  EXPECT_FALSE(FindByPid(21)) << "it is long gone";
}

TEST_F(SenderFinderTest, FindsAGunicornThatNoScanHasSeen) {
  Make();
  AddApp(10, "a");
  const auto sender = FindByPid(11);
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->app.name, "a");
}

// So that a stranger costs little, and waits for no scrape.
TEST_F(SenderFinderTest, LooksAtTheWholeTableOnlyWhereThereIsANewGunicorn) {
  AddApp(10, "a");
  proc_.SetCommand(30, 1, "sh");
  Make();
  AddApp(20, "b");
  EXPECT_FALSE(FindByPid(30));
  EXPECT_EQ(monitor_->processes().size(), 2U);
  EXPECT_TRUE(FindByPid(21));
  EXPECT_EQ(monitor_->processes().size(), 4U);
}

TEST_F(SenderFinderTest, FindsAnUnknownGunicornsSocket) {
  AddApp(10, "a");
  Make();
  FakeProcess holder;
  holder.files["net/udp"] = kUdp;
  holder.fds[5] = "socket:[77]";
  AddApp(20, "b", holder);
  const auto sender = FindByUdpSource(Source("10.1.2.3", 40000));
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->app.name, "b");
}

TEST_F(SenderFinderTest, NamesNobodyForAStranger) {
  AddApp(10, "a");
  proc_.SetCommand(30, 1, "sh");
  Make();
  EXPECT_FALSE(FindByPid(30));
  EXPECT_FALSE(FindByPid(999));
  EXPECT_FALSE(FindByUdpSource(Source("10.9.9.9", 40000)));
}

TEST_F(SenderFinderTest, TellsWhoHasHadASocketToAPortForFiveMinutes) {
  FakeProcess holder;
  holder.files["net/udp"] = kUdp;  // Connected to port 8125.
  holder.fds[5] = "socket:[77]";
  AddApp(10, "a", holder);
  AddApp(20, "b");
  Make();
  monitor_->WatchSendersTo(8125);
  for (int minute = 0; minute <= 5; ++minute) {
    EXPECT_EQ(StatsdSocketOf("a"), "") << minute;
    now_ += std::chrono::minutes(1);
    monitor_->Sample();
  }
  EXPECT_EQ(StatsdSocketOf("a"), "10.1.2.3:8125");
  EXPECT_EQ(StatsdSocketOf("b"), "");
}

TEST_F(SenderFinderTest, FindsTheHolderOfAUdpSocket) {
  FakeProcess holder;
  holder.files["net/udp"] = kUdp;
  holder.fds[5] = "socket:[77]";
  AddApp(10, "a");
  AddApp(20, "b", holder);
  Make();
  const auto sender = FindByUdpSource(Source("10.1.2.3", 40000));
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->app.name, "b");
  EXPECT_EQ(sender->pid, 20) << "the master opened it";
  EXPECT_FALSE(FindByUdpSource(Source("10.1.2.3", 40001)));
}

// A socket that is bound to any address, of an app: a stranger elsewhere may
// have the same port.
TEST_F(SenderFinderTest, TakesAnAddressOfAnotherMachineForNobodys) {
  FakeProcess process;
  process.files["net/udp"] =
      "  sl  local_address\n"
      "  1: 00000000:9C40 00000000:0000 07 00000000:00000000 00:00000000 "
      "00000000 33 0 77 2 0 0\n";
  process.files["net/fib_trie"] = kTrie;
  process.fds[5] = "socket:[77]";
  AddApp(10, "a", process);
  AddApp(20, "b");
  Make();
  EXPECT_FALSE(FindByUdpSource(Source("10.1.2.9", 40000)));
  EXPECT_TRUE(FindByUdpSource(Source("10.1.2.3", 40000)));
}

TEST_F(SenderFinderTest, NamesTheOneAppOfAUserWhereNobodyIsSeenToHoldIt) {
  AddApp(10, "a", OfAUser());
  Make();
  const auto sender = FindByUdpSource(Source("10.1.2.3", 40000));
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->app.name, "a");
  EXPECT_EQ(sender->pid, 0);
  AddApp(20, "b", OfAUser());
  monitor_->Scan();
  EXPECT_FALSE(FindByUdpSource(Source("10.1.2.3", 40000)));
}

TEST_F(SenderFinderTest, NamesTheOneAppOfANetworkNamespace) {
  AddApp(10, "a", WithAddress());
  Make();
  const auto sender = FindByUdpSource(Source("10.1.2.3", 5));
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->app.name, "a");
  EXPECT_EQ(sender->pid, 0) << "no single process can be named";
}

// Another may have come since: what told its first line would be the old app.
TEST_F(SenderFinderTest, LooksForAnotherAppOfTheNamespaceOfANewSender) {
  AddApp(10, "a", WithAddress());
  Make();
  EXPECT_TRUE(FindByUdpSource(Source("10.1.2.3", 5)));
  AddApp(20, "b", WithAddress());
  for (const pid_t pid : {20, 21}) MoveToNetworkOf(10, pid);
  EXPECT_FALSE(FindByUdpSource(Source("10.1.2.3", 6)));
}

TEST_F(SenderFinderTest, LooksForOthersOfTheUserOfANewSender) {
  AddApp(10, "a", OfAUser());
  Make();
  const SenderAddress sender{0, Source("10.1.2.3", 40000)};
  EXPECT_TRUE(Ask(sender));
  proc_.SetCommand(20, 1, "cron", OfAUser());
  EXPECT_FALSE(Ask(sender));
}

// So that a look at the whole table is not made for each of them each time.
TEST_F(SenderFinderTest, TakesAKnownSenderForWhoItWasUntilTheNextScan) {
  AddApp(10, "a", WithAddress());
  Make();
  AddApp(20, "b");
  const SenderAddress sender{0, Source("10.1.2.3", 5)};
  EXPECT_TRUE(monitor_->Answer({{1, sender, false}}).at(0).sender);
  EXPECT_EQ(monitor_->processes().size(), 2U);
}

TEST_F(SenderFinderTest, AnswersAllOfManyThatStartAtOnce) {
  Make();
  FakeProcess holder;
  holder.files["net/udp"] = kUdp;
  holder.fds[5] = "socket:[77]";
  AddApp(10, "a");
  AddApp(20, "b", holder);
  AddApp(30, "c");
  const std::uint64_t before = monitor_->Generation();
  const auto answers = monitor_->Answer({{7, {31, std::nullopt}},
                                         {8, {0, Source("10.1.2.3", 40000)}},
                                         {9, {999, std::nullopt}},
                                         {10, {11, std::nullopt}}});
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_EQ(answers[0].question, 7U);
  EXPECT_EQ(answers[0].sender.value().app.name, "c");
  EXPECT_EQ(answers[1].sender.value().app.name, "b");
  EXPECT_FALSE(answers[2].sender);
  EXPECT_EQ(answers[3].sender.value().app.name, "a");
  for (const SenderAnswer& answer : answers) {
    EXPECT_NE(answer.generation, before);
    EXPECT_EQ(answer.generation, monitor_->Generation());
  }
}

// A script that becomes a gunicorn hours after its start.
TEST_F(SenderFinderTest, AnswersOneThatHasBeenAnotherProgramForLong) {
  const std::vector<pid_t> pids = {40, 43, 46};
  for (const pid_t pid : pids) proc_.SetCommand(pid, 1, "sh wait-for-db");
  Make();
  now_ += std::chrono::minutes(2);
  monitor_->Scan();
  for (const pid_t pid : pids) {
    proc_.SetCommand(pid, 1, "gunicorn -n shop app:app");
    const auto sender = FindByPid(pid);
    ASSERT_TRUE(sender) << pid;
    EXPECT_EQ(sender->app.name, "shop");
  }
}

// Its first line comes when it has forked its first worker, which has its
// master's handlers still.
TEST_F(SenderFinderTest, AnswersAnUntitledOneThatStartsItsFirstWorker) {
  const std::string command = "gunicorn -n shop app:app";
  FakeProcess process;
  process.caught_signals = kMastersSignals;
  boot_seconds_ = 11;  // A second after its start.
  proc_.SetCommand(10, 1, command, process);
  Make();
  EXPECT_FALSE(FindByPid(10));  // It may be about to set its title.
  process.forked_only = true;
  proc_.SetCommand(11, 10, command, process);
  const auto sender = FindByPid(10);
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->app.name, "shop");
}

// What one question makes known may make another one's answer old.
TEST_F(SenderFinderTest, GivesAnAnswerTheGenerationThatItWasFoundIn) {
  AddApp(10, "a");
  Make();
  const std::uint64_t before =
      monitor_->Answer({{1, {11, {}}}}).at(0).generation;
  AddApp(20, "b");
  const auto answers = monitor_->Answer({{1, {11, {}}}, {2, {21, {}}}});
  ASSERT_TRUE(answers.at(1).sender);
  EXPECT_GT(answers.at(1).generation, before);
  EXPECT_EQ(answers.at(0).generation, before);
}

TEST_F(SenderFinderTest, ChangesItsGenerationWithTheProcesses) {
  AddApp(10, "a");
  Make();
  const auto generation = monitor_->Generation();
  monitor_->Scan();
  EXPECT_EQ(monitor_->Generation(), generation);
  proc_.Remove(11);
  monitor_->Scan();
  EXPECT_NE(monitor_->Generation(), generation);
}

}  // namespace
}  // namespace gunicorn_exporter
