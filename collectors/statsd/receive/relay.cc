#include "collectors/statsd/receive/relay.h"

#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace gunicorn_exporter {
namespace {

prometheus::Counter& Register(prometheus::Registry& registry, const char* name,
                              const char* help) {
  return prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Register(registry)
      .Add({});
}

}  // namespace

Relay::Relay(prometheus::Registry& registry)
    : packets_(Register(registry,
                        "gunicorn_exporter_statsd_relay_packets_total",
                        "Packets sent to statsd.relay_address.")),
      lines_(Register(registry, "gunicorn_exporter_statsd_relay_lines_total",
                      "Lines forwarded to statsd.relay_address.")),
      dropped_lines_(Register(
          registry, "gunicorn_exporter_statsd_relay_dropped_lines_total",
          "Lines that could not be forwarded at once, and were dropped.")) {
  packet_.reserve(kPacketBytes);
}

void Relay::Start(const std::string& address, std::vector<std::string> own,
                  RelayTarget::Connect connect) {
  target_.emplace(address, std::move(own), std::move(connect));
}

void Relay::Add(std::string_view line) {
  if (!packet_.empty() && packet_.size() + 1 + line.size() > kPacketBytes) {
    Flush();
  }
  if (!packet_.empty()) packet_ += '\n';
  packet_ += line;
  ++lines_in_packet_;
}

void Relay::Flush() {
  if (packet_.empty()) return;
  const std::shared_ptr<const FileDescriptor> socket = target_->socket();
  const auto try_send = [&] {
    return socket != nullptr &&
           send(socket->get(), packet_.data(), packet_.size(),
                MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
  };
  // A packet before this one met nobody (an ICMP answer): that error is told
  // now, and this packet has not gone yet.
  errno = 0;
  if (!try_send() && (errno != ECONNREFUSED || !try_send())) {
    dropped_lines_.Increment(static_cast<double>(lines_in_packet_));
  } else {
    packets_.Increment();
    lines_.Increment(static_cast<double>(lines_in_packet_));
  }
  packet_.clear();
  lines_in_packet_ = 0;
}

}  // namespace gunicorn_exporter
