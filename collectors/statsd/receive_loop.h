// The receiving thread: waits for all sockets at once, and for nothing else.
//
// UDP packets are let come for two milliseconds once the first has come, for
// waking up is what a packet costs most; unix datagrams, whose senders wait,
// are taken at once. epoll(7).
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "collectors/statsd/datagram_receiver.h"
#include "collectors/statsd/line_handler.h"
#include "collectors/statsd/socket.h"

namespace gunicorn_exporter {

class ReceiveLoop {
 public:
  // The receivers outlive this. Throws ConfigError where the kernel refuses an
  // epoll instance.
  ReceiveLoop(std::vector<DatagramReceiver*> receivers, LineHandler& handler);

  // Returns after Stop. Once.
  void Run();
  // Any thread.
  void Stop();

 private:
  using Clock = std::chrono::steady_clock;

  struct Channel {
    DatagramReceiver* receiver = nullptr;
    bool is_waiting = false;  // Its packets are let come, until `due`.
    Clock::time_point due;
  };

  void Watch(int fd, std::uint64_t id, std::uint32_t events);
  void Rearm(std::size_t id);
  void Wake(std::size_t id, Clock::time_point now);
  void DrainDue(Clock::time_point now);
  int TimeoutMs(Clock::time_point now) const;

  LineHandler& handler_;
  DatagramBuffersPtr buffers_;
  Socket epoll_;
  Socket stop_event_;
  std::vector<Channel> channels_;
  bool is_flushed_ = true;
  std::atomic<bool> stopping_{false};
};

}  // namespace gunicorn_exporter
