// The receiving thread: waits for all sockets at once, and for nothing else.
//
// UDP packets are let come for two milliseconds once the first has come, for
// waking up is what a packet costs most; unix datagrams, whose senders wait,
// are taken at once, and so is TCP. epoll(7).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "collectors/statsd/lines/line_handler.h"
#include "collectors/statsd/receive/datagram_receiver.h"
#include "collectors/statsd/receive/socket.h"
#include "collectors/statsd/receive/tcp_receiver.h"

namespace gunicorn_exporter {

class ReceiveLoop {
 public:
  // All outlive this. Throws ConfigError where the kernel refuses an epoll
  // instance.
  ReceiveLoop(const std::vector<DatagramReceiver*>& receivers, TcpReceiver& tcp,
              LineHandler& handler);

  // Returns after Stop, and takes what has come until then. Once.
  void Run();
  // Any thread, as what follows.
  void Stop();
  // There are answers about senders to take. Does not wait.
  void Wake();
  // Waits until every datagram that had come before the call is in the store,
  // or until Run has returned; false where that takes longer than `patience`.
  // Not on the thread that runs the loop.
  bool WaitUntilTaken(std::chrono::milliseconds patience);

 private:
  using Clock = std::chrono::steady_clock;

  // What a descriptor is; with its number, what epoll gives back.
  enum class Kind : std::uint32_t { kWake, kDatagrams, kListener, kConnection };

  struct Channel {
    DatagramReceiver* receiver = nullptr;
    bool is_waiting = false;  // Its packets are let come, until `due`.
    Clock::time_point due;
  };

  bool Watch(int fd, Kind kind, std::size_t number, std::uint32_t events,
             int operation);
  void HandleEvent(Kind kind, std::size_t number, Clock::time_point now);
  void Accept(std::size_t listener, Clock::time_point now);
  // Waits for connections again where that was left for a while.
  void ListenAgain(Clock::time_point now);
  void DrainDue(Clock::time_point now);
  void DrainAll(Clock::time_point now);
  int TimeoutMs(Clock::time_point now) const;
  // Tells the callers of WaitUntilTaken up to that one.
  void Answer(std::uint64_t call);

  TcpReceiver& tcp_;
  LineHandler& handler_;
  const std::shared_ptr<DatagramBuffers> buffers_;
  FileDescriptor epoll_;
  FileDescriptor wake_event_;
  std::vector<Channel> channels_;
  bool is_flushed_ = true;   // All that was taken is in the store.
  bool has_drained_ = true;  // No socket had more than one turn takes.
  // Some listeners are not watched, until `listen_again_`.
  bool is_deaf_ = false;
  Clock::time_point listen_again_;
  Clock::time_point next_idle_check_;
  std::atomic<bool> stopping_{false};
  // The callers of WaitUntilTaken, numbered; and up to whom all is taken.
  std::atomic<std::uint64_t> calls_{0};
  std::mutex answered_mutex_;
  std::condition_variable answered_changed_;
  std::uint64_t answered_ =
      0;  // Written by the loop's thread, under the mutex.
};

}  // namespace gunicorn_exporter
