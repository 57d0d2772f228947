// Receives StatsD: binds the sockets that the flags name, takes over those that
// systemd holds for us instead, and runs the receiving thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "collectors/sender_questions.h"
#include "collectors/series/metric_store.h"
#include "collectors/statsd/lines/line_handler.h"
#include "collectors/statsd/receive/datagram_receiver.h"
#include "collectors/statsd/receive/receive_loop.h"
#include "collectors/statsd/receive/receiver_metrics.h"
#include "collectors/statsd/receive/relay.h"
#include "collectors/statsd/receive/socket_activation.h"
#include "collectors/statsd/receive/tcp_receiver.h"
#include "config/base/unix_socket.h"
#include "config/config.h"

namespace gunicorn_exporter {

class StatsdServer {
 public:
  // Binds; throws ConfigError where that cannot be. Counts in `registry`.
  // `store`, `registry` and `senders` (which may be null: then nobody is named
  // by the sender) outlive this.
  StatsdServer(const Flags& flags, MetricStore& store,
               prometheus::Registry& registry, SenderQuestions* senders,
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

  // What a reload does: the relay's name is looked up again.
  void Reload() {
    if (relay_ != nullptr) relay_->target().LookAgain();
  }

  // As bound: with the real port where 0 was asked for.
  std::vector<std::string> addresses(Transport transport) const;
  // Any thread.
  std::string CarriedBy(const AppId& app) const {
    return metrics_.carried_names.Of(app);
  }
  std::vector<LineExample> Examples() const { return metrics_.examples.Last(); }

 private:
  void OpenUnixgram(std::vector<FileDescriptor> inherited);
  void AddDatagrams(FileDescriptor socket, Transport transport);

  const Flags flags_;
  SenderQuestions* const senders_;
  ReceiverMetrics metrics_;
  std::unique_ptr<Relay> relay_;
  LineHandler handler_;
  std::unique_ptr<UnixSocket> unix_socket_;
  std::vector<std::unique_ptr<DatagramReceiver>> datagrams_;
  TcpReceiver tcp_;
  std::unique_ptr<ReceiveLoop> loop_;
  std::thread thread_;
};

}  // namespace gunicorn_exporter
