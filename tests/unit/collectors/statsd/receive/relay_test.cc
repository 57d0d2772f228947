#include "collectors/statsd/receive/relay.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <mutex>
#include <string>

#include "collectors/statsd/receive/statsd_server.h"
#include "config/base/config_error.h"
#include "tests/support/registry_value.h"
#include "tests/support/sockets.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {
namespace {

class RelayTest : public testing::Test {
 protected:
  RelayTest() : target_(BindOne(InternetSocket::kUdp, "127.0.0.1:0")) {
    SetReceiveBuffer(target_, 1U << 20U);
  }
  std::string TargetAddress() const { return LocalAddress(target_); }
  std::string Next() const {
    WaitUntilReadable(target_);
    return ReceiveText(target_);
  }
  static void WaitUntilFailed(const FileDescriptor& socket) {
    pollfd waiting{socket.get(), 0, 0};
    WaitUntil([&] {
      return poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLERR) != 0;
    });
  }
  bool HasMore() const { return !ReceiveText(target_).empty(); }
  double Count(const std::string& what) const {
    return RegistryValue(registry_,
                         "gunicorn_exporter_statsd_relay_" + what + "_total");
  }

  prometheus::Registry registry_;

 private:
  FileDescriptor target_;
};

TEST_F(RelayTest, PutsLinesTogetherUpTo1432Bytes) {
  Relay relay(registry_);
  relay.Start(TargetAddress(), {});
  const std::string line(400, 'x');
  for (int i = 0; i < 4; ++i) relay.Add(line);
  relay.Flush();
  EXPECT_EQ(Next(), line + "\n" + line + "\n" + line);
  EXPECT_EQ(Next(), line);
  EXPECT_FALSE(HasMore());
  EXPECT_EQ(Count("packets"), 2);
  EXPECT_EQ(Count("lines"), 4);
  EXPECT_EQ(Count("dropped_lines"), 0);
}

TEST_F(RelayTest, SendsALongLineAlone) {
  Relay relay(registry_);
  relay.Start(TargetAddress(), {});
  const std::string line(8192, 'x');
  relay.Add("short");
  relay.Add(line);
  relay.Add("short");
  relay.Flush();
  EXPECT_EQ(Next(), "short");
  EXPECT_EQ(Next(), line);
  EXPECT_EQ(Next(), "short");
}

TEST_F(RelayTest, CountsWhatCannotBeSent) {
  Relay relay(registry_);
  relay.Start(TargetAddress(), {});
  relay.Add(std::string(100'000, 'x'));  // Longer than UDP carries.
  relay.Flush();
  EXPECT_EQ(Count("dropped_lines"), 1);
  EXPECT_EQ(Count("lines"), 0);
}

TEST_F(RelayTest, ForwardsEveryLineUnchanged) {
  Flags flags;
  flags.statsd_listen_udp = {"127.0.0.1:0"};
  flags.statsd_relay_address = TargetAddress();
  MetricStore store(Config(), SystemTime);
  StatsdServer server(flags, store, registry_, nullptr);
  server.Start();
  const FileDescriptor client =
      ConnectUdp(server.addresses(Transport::kUdp).front(), "test");
  SendText(client, "a.b:1|c|#x:y\r\n\nbroken\n_e{1,1}:a|b");
  WaitUntil([&] { return Count("lines") == 3; });
  EXPECT_EQ(Next(), "a.b:1|c|#x:y\r\nbroken\n_e{1,1}:a|b");
}

TEST_F(RelayTest, GoesOnWhereNobodyListens) {
  // Holds the port, and takes from nobody but itself.
  const FileDescriptor deaf = BindOne(InternetSocket::kUdp, "127.0.0.1:0");
  sockaddr_storage itself{};
  socklen_t size = sizeof(itself);
  ASSERT_EQ(
      getsockname(deaf.get(), reinterpret_cast<sockaddr*>(&itself), &size), 0);
  ASSERT_EQ(connect(deaf.get(), reinterpret_cast<sockaddr*>(&itself), size), 0);
  Relay relay(registry_);
  relay.Start(LocalAddress(deaf), {});
  for (int i = 0; i < 10; ++i) {
    relay.Add("a:1|c");
    relay.Flush();
    ASSERT_EQ(Count("dropped_lines"), 0) << i;
    // The answer that nobody is there, which the next packet meets.
    WaitUntilFailed(*relay.target().socket());
  }
  EXPECT_EQ(Count("lines"), 10);
}

// A name server for the tests: says where a name leads.
class FakeNames {
 public:
  void Set(const std::string& address) {
    const std::lock_guard lock(mutex_);
    address_ = address;
  }
  int looks() const { return looks_; }
  RelayTarget::Connect Connect() {
    return [this](const std::string&) {
      std::string address;
      {
        const std::lock_guard lock(mutex_);
        address = address_;
      }
      ++looks_;
      if (address.empty()) throw ConfigError("cannot resolve");
      return ConnectUdp(address, "test");
    };
  }

 private:
  std::mutex mutex_;
  std::string address_;
  std::atomic<int> looks_ = 0;
};

TEST_F(RelayTest, LooksAgainWhereTheNameLeads) {
  FakeNames names;
  Relay relay(registry_);
  relay.Start("name:1", {"192.0.2.1:7", "127.0.0.1:7"}, names.Connect());
  // It does not resolve yet.
  relay.Add("a:1|c");
  relay.Flush();
  EXPECT_EQ(Count("dropped_lines"), 1);

  names.Set(TargetAddress());
  relay.target().LookAgain();
  WaitUntil([&] { return relay.target().socket() != nullptr; });
  relay.Add("b:1|c");
  relay.Flush();
  EXPECT_EQ(Next(), "b:1|c");

  // What does not resolve any more goes where it went.
  const auto before = relay.target().socket();
  names.Set("");
  int looks = names.looks();
  relay.target().LookAgain();
  WaitUntil([&] { return names.looks() == looks + 1; });
  EXPECT_EQ(relay.target().socket(), before);

  const FileDescriptor other = BindOne(InternetSocket::kUdp, "127.0.0.1:0");
  names.Set(LocalAddress(other));
  relay.target().LookAgain();
  WaitUntil([&] { return relay.target().socket() != before; });
  relay.Add("c:1|c");
  relay.Flush();
  WaitUntilReadable(other);
  EXPECT_EQ(ReceiveText(other), "c:1|c");

  // It has come to lead to ourselves: each line would come back for ever.
  names.Set("127.0.0.1:7");
  relay.target().LookAgain();
  WaitUntil([&] { return relay.target().socket() == nullptr; });
}

TEST_F(RelayTest, DoesNotWaitForANameServer) {
  std::promise<void> answer;
  const std::shared_future<void> answered = answer.get_future().share();
  {
    Relay relay(registry_);
    relay.Start("name:1", {}, [answered](const std::string&) -> FileDescriptor {
      answered.wait();
      throw ConfigError("cannot resolve");
    });
    relay.Add("a:1|c");
    relay.Flush();
    EXPECT_EQ(Count("dropped_lines"), 1);
  }
  answer.set_value();
}

TEST(RelayAddress, MustNotLeadBackToUs) {
  struct Case {
    const char* own;
    const char* target;
    bool comes_back;
  };
  const Case cases[] = {
      {"127.0.0.1", "127.0.0.1", true}, {"", "127.0.0.1", true},
      {"", "127.0.0.7", true},          {"0.0.0.0", "127.0.0.1", true},
      {"[::]", "127.0.0.1", true},      {"0.0.0.0", "0.0.0.0", true},
      {"127.0.0.1", "localhost", true}, {"127.0.0.1", "127.0.0.2", false},
      {"", "192.0.2.1", false},
  };
  for (const auto& [own, target, comes_back] : cases) {
    InheritedSockets inherited;
    inherited.udp.push_back(
        BindOne(InternetSocket::kUdp, std::string(own) + ":0"));
    const std::string port = std::to_string(LocalPort(inherited.udp.front()));
    Flags flags;
    flags.statsd_relay_address = std::string(target) + ":" + port;
    MetricStore store(Config(), SystemTime);
    prometheus::Registry registry;
    std::string error;
    try {
      const StatsdServer server(flags, store, registry, nullptr,
                                std::move(inherited));
    } catch (const ConfigError& config_error) {
      error = config_error.what();
    }
    EXPECT_EQ(error.find("is this program's own") != std::string::npos,
              comes_back)
        << own << " " << target << ": " << error;
  }
}

TEST(RelayAddress, IsCheckedAtTheStart) {
  const auto error = [](const std::string& address) -> std::string {
    prometheus::Registry registry;
    try {
      Relay(registry).Start(address, {});
    } catch (const ConfigError& config_error) {
      return config_error.what();
    }
    return "";
  };
  EXPECT_EQ(error("nonsense"),
            "statsd.relay_address: \"nonsense\" is not an address; expected "
            "HOST:PORT");
  EXPECT_EQ(error(":8125"),
            "statsd.relay_address: \":8125\" is not an address; expected "
            "HOST:PORT");
}

}  // namespace
}  // namespace gunicorn_exporter
