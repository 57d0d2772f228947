#include "collectors/statsd/receive/statsd_server.h"

#include <pthread.h>
#include <signal.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "config/base/config_error.h"
#include "config/base/descriptor_limit.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

std::chrono::nanoseconds SteadyNow() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

// A gunicorn that sends to the flag's path would meet nobody there.
void CheckIsAmong(const std::string& path,
                  const std::vector<FileDescriptor>& inherited) {
  // "/var/run" is "/run".
  const auto real = [](const std::string& name) {
    std::error_code ignored;
    return std::filesystem::weakly_canonical(name, ignored);
  };
  for (const FileDescriptor& socket : inherited) {
    if (real(path) == real(LocalAddress(socket))) return;
  }
  throw ConfigError("statsd.listen_unixgram: " + path +
                    " is not the socket that was handed over (LISTEN_FDS), " +
                    LocalAddress(inherited.front()) +
                    "; expected one path in both");
}

}  // namespace

StatsdServer::StatsdServer(const Flags& flags, MetricStore& store,
                           SenderLookup* lookup, InheritedSockets inherited)
    : flags_(flags),
      relay_(flags.statsd_relay_address.empty()
                 ? nullptr
                 : std::make_unique<Relay>(flags.statsd_relay_address)),
      handler_(store, lookup, stats_, relay_.get(), SteadyNow),
      tcp_(handler_, DescriptorShare(TcpReceiver::kMostConnections)) {
  const bool tell_sender = lookup != nullptr;
  OpenUdp(std::move(inherited.udp), tell_sender);
  OpenUnixgram(std::move(inherited.unixgram), tell_sender);
  OpenTcp(std::move(inherited.tcp));
  if (relay_ != nullptr) CheckRelayIsNotUs();
}

StatsdServer::~StatsdServer() { Stop(); }

void StatsdServer::OpenUdp(std::vector<FileDescriptor> inherited,
                           bool tell_sender) {
  if (inherited.empty()) {
    for (const std::string& address : flags_.statsd_listen_udp) {
      if (address.empty()) continue;
      inherited.push_back(
          BindInternet(InternetSocket::kUdp, address, "statsd.listen_udp"));
    }
  }
  for (FileDescriptor& socket : inherited) {
    AddDatagrams(std::move(socket), Transport::kUdp, tell_sender);
  }
}

void StatsdServer::OpenUnixgram(std::vector<FileDescriptor> inherited,
                                bool tell_sender) {
  const std::string& path = flags_.statsd_listen_unixgram;
  if (!path.empty() && !inherited.empty()) CheckIsAmong(path, inherited);
  if (!path.empty() && inherited.empty()) {
    unix_socket_ =
        std::make_unique<UnixSocket>(path, flags_.statsd_unixsocket_mode);
    inherited.push_back(unix_socket_->TakeSocket());
  }
  for (FileDescriptor& socket : inherited) {
    AddDatagrams(std::move(socket), Transport::kUnixgram, tell_sender);
  }
}

void StatsdServer::OpenTcp(std::vector<FileDescriptor> inherited) {
  if (inherited.empty()) {
    for (const std::string& address : flags_.statsd_listen_tcp) {
      if (address.empty()) continue;
      inherited.push_back(
          BindInternet(InternetSocket::kTcp, address, "statsd.listen_tcp"));
    }
  }
  for (FileDescriptor& socket : inherited) tcp_.AddListener(std::move(socket));
}

// Each line would come back for ever.
void StatsdServer::CheckRelayIsNotUs() const {
  for (const auto& receiver : datagrams_) {
    if (receiver->transport() == Transport::kUdp &&
        SendsTo(relay_->socket(), receiver->socket())) {
      throw ConfigError(
          "statsd.relay_address: " + PeerAddress(relay_->socket()) +
          " is this program's own; expected another server's");
    }
  }
}

void StatsdServer::AddDatagrams(FileDescriptor socket, Transport transport,
                                bool tell_sender) {
  const std::size_t asked = flags_.statsd_read_buffer;
  const std::size_t granted = SetReceiveBuffer(socket, asked);
  const std::size_t wanted = asked == 0 ? kWantedReceiveBuffer : asked;
  if (transport == Transport::kUdp && granted < wanted) {
    LogEvent(asked == 0 ? LogLevel::kInfo : LogLevel::kWarn,
             "receive_buffer_limited",
             {{"transport", std::string(TransportName(transport))},
              {"address", LocalAddress(socket)},
              {"asked_bytes", std::to_string(wanted)},
              {"granted_bytes", std::to_string(granted)},
              {"limit", "net.core.rmem_max"}});
  }
  datagrams_.push_back(std::make_unique<DatagramReceiver>(
      std::move(socket), transport, tell_sender));
}

void StatsdServer::Start() {
  std::vector<DatagramReceiver*> receivers;
  for (const auto& receiver : datagrams_) receivers.push_back(receiver.get());
  loop_ = std::make_unique<ReceiveLoop>(std::move(receivers), tcp_, handler_);
  for (const Transport transport :
       {Transport::kUdp, Transport::kUnixgram, Transport::kTcp}) {
    for (const std::string& address : addresses(transport)) {
      LogEvent(LogLevel::kInfo, "receiver_started",
               {{"transport", std::string(TransportName(transport))},
                {"address", address}});
    }
  }
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

bool StatsdServer::WaitUntilTaken(std::chrono::milliseconds patience) {
  return loop_->WaitUntilTaken(patience);
}

bool StatsdServer::has(Transport transport) const {
  return !addresses(transport).empty();
}

std::vector<std::string> StatsdServer::addresses(Transport transport) const {
  if (transport == Transport::kTcp) return tcp_.addresses();
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
