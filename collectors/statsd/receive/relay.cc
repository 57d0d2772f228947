#include "collectors/statsd/receive/relay.h"

#include <sys/socket.h>

#include <cerrno>

namespace gunicorn_exporter {

Relay::Relay(const std::string& address)
    : socket_(ConnectUdp(address, "statsd.relay_address")) {
  packet_.reserve(kPacketBytes);
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
  ssize_t sent = send(socket_.get(), packet_.data(), packet_.size(),
                      MSG_DONTWAIT | MSG_NOSIGNAL);
  // A packet before this one met nobody (an ICMP answer): that error is told
  // now, and this packet has not gone yet.
  if (sent < 0 && errno == ECONNREFUSED) {
    sent = send(socket_.get(), packet_.data(), packet_.size(),
                MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  if (sent < 0) {
    dropped_lines_ += lines_in_packet_;
  } else {
    ++packets_;
    lines_ += lines_in_packet_;
  }
  packet_.clear();
  lines_in_packet_ = 0;
}

}  // namespace gunicorn_exporter
