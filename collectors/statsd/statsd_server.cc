#include "collectors/statsd/statsd_server.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "config/log.h"

namespace gunicorn_exporter {
namespace {

std::chrono::nanoseconds SteadyNow() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace

StatsdServer::StatsdServer(const Flags& flags, MetricStore& store,
                           SenderLookup* lookup)
    : handler_(store, lookup, stats_, SteadyNow) {
  const bool tell_sender = lookup != nullptr;
  for (const std::string& address : flags.statsd_listen_udp) {
    if (address.empty()) continue;
    AddDatagrams(
        BindInternet(InternetSocket::kUdp, address, "statsd.listen_udp"),
        Transport::kUdp, flags, tell_sender);
  }
  if (!flags.statsd_listen_unixgram.empty()) {
    unix_socket_ = std::make_unique<UnixSocket>(flags.statsd_listen_unixgram,
                                                flags.statsd_unixsocket_mode);
    AddDatagrams(unix_socket_->TakeSocket(), Transport::kUnixgram, flags,
                 tell_sender);
  }
}

StatsdServer::~StatsdServer() { Stop(); }

void StatsdServer::AddDatagrams(Socket socket, Transport transport,
                                const Flags& flags, bool tell_sender) {
  const std::size_t asked = flags.statsd_read_buffer;
  const std::size_t granted = SetReceiveBuffer(socket, asked);
  if (granted < asked) {
    LogEvent(LogLevel::kWarn, "receive_buffer_small",
             {{"transport", std::string(TransportName(transport))},
              {"address", LocalAddress(socket)},
              {"asked_bytes", std::to_string(asked)},
              {"granted_bytes", std::to_string(granted)}});
  }
  datagrams_.push_back(std::make_unique<DatagramReceiver>(
      std::move(socket), transport, tell_sender));
}

void StatsdServer::Start() {
  std::vector<DatagramReceiver*> receivers;
  for (const auto& receiver : datagrams_) {
    receivers.push_back(receiver.get());
    LogEvent(LogLevel::kInfo, "receiver_started",
             {{"transport", std::string(TransportName(receiver->transport()))},
              {"address", LocalAddress(receiver->socket())}});
  }
  loop_ = std::make_unique<ReceiveLoop>(std::move(receivers), handler_);
  // Signals are the main thread's.
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  thread_ = std::thread([this] { loop_->Run(); });
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  pthread_setname_np(thread_.native_handle(), "statsd");
}

void StatsdServer::Stop() {
  if (!thread_.joinable()) return;
  loop_->Stop();
  thread_.join();
}

bool StatsdServer::has(Transport transport) const {
  return !addresses(transport).empty();
}

std::vector<std::string> StatsdServer::addresses(Transport transport) const {
  std::vector<std::string> found;
  for (const auto& receiver : datagrams_) {
    if (receiver->transport() == transport) {
      found.push_back(LocalAddress(receiver->socket()));
    }
  }
  return found;
}

std::uint64_t StatsdServer::dropped_packets(Transport transport) const {
  std::uint64_t dropped = 0;
  for (const auto& receiver : datagrams_) {
    if (receiver->transport() == transport) {
      dropped += receiver->dropped_packets();
    }
  }
  return dropped;
}

}  // namespace gunicorn_exporter
