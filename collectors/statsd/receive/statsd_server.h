// Receives StatsD: binds the sockets that the flags name, takes over those that
// systemd holds for us instead, and runs the receiving thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "collectors/sender_lookup.h"
#include "collectors/series/metric_store.h"
#include "collectors/statsd/lines/line_handler.h"
#include "collectors/statsd/receive/datagram_receiver.h"
#include "collectors/statsd/receive/receive_loop.h"
#include "collectors/statsd/receive/receiver_stats.h"
#include "collectors/statsd/receive/relay.h"
#include "collectors/statsd/receive/socket_activation.h"
#include "collectors/statsd/receive/tcp_receiver.h"
#include "collectors/statsd/receive/unix_socket.h"
#include "config/config.h"

namespace gunicorn_exporter {

class StatsdServer {
 public:
  // Binds; throws ConfigError where that cannot be. `store` and `lookup` (which
  // may be null: then nobody is named by rules 3 and 4) outlive this.
  StatsdServer(const Flags& flags, MetricStore& store, SenderLookup* lookup,
               InheritedSockets inherited = {});
  ~StatsdServer();
  StatsdServer(const StatsdServer&) = delete;
  StatsdServer& operator=(const StatsdServer&) = delete;

  // Starts to receive. Once.
  void Start();
  // Takes what has come, and stops. Also done at the end.
  void Stop();
  // After Start: waits until the lines of every datagram that had come before
  // the call are in the store; false where that takes longer than `patience`.
  bool WaitUntilTaken(std::chrono::milliseconds patience);

  bool has(Transport transport) const;
  // As bound: with the real port where 0 was asked for.
  std::vector<std::string> addresses(Transport transport) const;
  const ReceiverStats& stats() const { return stats_; }
  // The kernel's count of what was lost since the start. Any thread.
  std::uint64_t dropped_packets(Transport transport) const;
  // TCP connections closed at once because there were too many.
  std::uint64_t refused_connections() const {
    return tcp_.refused_connections();
  }
  const Relay* relay() const { return relay_.get(); }  // Null: off.

 private:
  void OpenUdp(std::vector<FileDescriptor> inherited, bool tell_sender);
  void OpenUnixgram(std::vector<FileDescriptor> inherited, bool tell_sender);
  void OpenTcp(std::vector<FileDescriptor> inherited);
  void AddDatagrams(FileDescriptor socket, Transport transport,
                    bool tell_sender);
  void CheckRelayIsNotUs() const;

  const Flags flags_;
  ReceiverStats stats_;
  std::unique_ptr<Relay> relay_;
  LineHandler handler_;
  std::unique_ptr<UnixSocket> unix_socket_;
  std::vector<std::unique_ptr<DatagramReceiver>> datagrams_;
  TcpReceiver tcp_;
  std::unique_ptr<ReceiveLoop> loop_;
  std::thread thread_;
};

}  // namespace gunicorn_exporter
