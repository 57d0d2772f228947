#include "collectors/statsd/receive/receive_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/fake_sender_questions.h"
#include "tests/support/find_series.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/registry_value.h"
#include "tests/support/sockets.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {
namespace {

// What this process' one epoll instance waits for, as the kernel tells:
// proc(5).
class EpollWatch {
 public:
  EpollWatch() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    for (const auto& descriptor : all) {
      std::error_code gone;
      if (std::filesystem::read_symlink(descriptor, gone) !=
          "anon_inode:[eventpoll]") {
        continue;
      }
      const std::string name = descriptor.path().filename();
      info_ = FileDescriptor(
          open(("/proc/self/fdinfo/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    }
  }
  // The events of a descriptor; empty where it is none of the epoll instance's.
  std::optional<unsigned> EventsOf(const FileDescriptor& socket) const {
    std::string text(65536, '\0');
    const ssize_t size = pread(info_.get(), text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      // tfd:        7 events:       19 data:        200000000
      std::istringstream words(line);
      std::string tfd;
      std::string events;
      int number = -1;
      unsigned mask = 0;
      words >> tfd >> number >> events >> std::hex >> mask;
      if (words && tfd == "tfd:" && number == socket.get()) return mask;
    }
    return std::nullopt;
  }

 private:
  FileDescriptor info_;
};

class ReceiveLoopTest : public testing::Test {
 protected:
  ReceiveLoopTest()
      : store_(Config(), SystemTime),
        handler_(store_, &senders_, metrics_, nullptr),
        udp_(MakeUdp(), Transport::kUdp, true, metrics_),
        tcp_(handler_, metrics_) {
    tcp_.AddListener(BindOne(InternetSocket::kTcp, "127.0.0.1:0"));
    loop_.emplace(std::vector<DatagramReceiver*>{&udp_}, tcp_, handler_);
    senders_.SetWake([this] { loop_->Wake(); });
  }
  ~ReceiveLoopTest() override {
    loop_->Stop();
    if (thread_.joinable()) thread_.join();
  }
  static FileDescriptor MakeUdp() {
    FileDescriptor socket = BindOne(InternetSocket::kUdp, "127.0.0.1:0");
    SetReceiveBuffer(socket, kWantedReceiveBuffer);
    return socket;
  }
  // The events that have come until then come to the loop all at once.
  void Start() {
    thread_ = std::thread([this] { loop_->Run(); });
  }
  const FileDescriptor& listener() const { return tcp_.listeners().front(); }

  MetricStore store_;
  FakeSenderQuestions senders_;
  prometheus::Registry registry_;
  ReceiverMetrics metrics_{registry_};
  LineHandler handler_;
  DatagramReceiver udp_;
  TcpReceiver tcp_;
  std::optional<ReceiveLoop> loop_;

 private:
  std::thread thread_;
};

TEST_F(ReceiveLoopTest, DoesNotWaitForConnectionsThatItHasNoDescriptorFor) {
  if (kSanitiserNeedsDescriptors) GTEST_SKIP() << "UBSan needs descriptors";
  const EpollWatch watch;
  const auto is_listening = [&] {
    return (watch.EventsOf(listener()).value_or(0) & EPOLLIN) != 0;
  };
  ASSERT_TRUE(is_listening());
  const FileDescriptor client = ConnectTcp(tcp_.addresses().front());
  WaitUntilReadable(listener());
  {
    const NoDescriptors none;
    Start();
    WaitUntil([&] { return !is_listening(); });
  }
  // There are descriptors again.
  WaitUntil(is_listening);
  SendText(client, "gunicorn.requests:1|c\n");
  WaitUntil([&] { return StatsdLines(registry_, "tcp") == 1; });
}

TEST_F(ReceiveLoopTest, AnswersOnceWhatHadComeIsInTheStore) {
  if (udp_.Patience().count() == 0) {
    GTEST_SKIP() << "net.core.rmem_max is so small that no packet is let wait";
  }
  senders_.Hold();
  const FileDescriptor client = ConnectUdp(LocalAddress(udp_.socket()), "test");
  SendText(client, "gunicorn.requests:1|c");
  WaitUntilReadable(udp_.socket());
  Start();
  WaitUntil([&] { return senders_.questions() == 1; });
  // Its sender is not known yet.
  EXPECT_FALSE(loop_->WaitUntilTaken(std::chrono::milliseconds(1)));
  senders_.LetGo();
  EXPECT_TRUE(loop_->WaitUntilTaken(std::chrono::minutes(1)));
  EXPECT_EQ(ValueOf(store_.Collect({}).families, "gunicorn_requests_total",
                    "app=\"unknown\""),
            1);
}

}  // namespace
}  // namespace gunicorn_exporter
