#include "collectors/statsd/receive/statsd_server.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "config/base/config_error.h"
#include "config/base/descriptor_limit.h"
#include "config/base/log.h"
#include "config/base/thread.h"

namespace gunicorn_exporter {
namespace {

constexpr char kUnixgramSetting[] = "statsd.listen_unixgram";

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
  throw ConfigError(std::string(kUnixgramSetting) + ": " + path +
                    " is not the socket that was handed over (LISTEN_FDS), " +
                    LocalAddress(inherited.front()) +
                    "; expected one path in both");
}

// The sockets that were handed over, else those of the setting's addresses.
std::vector<FileDescriptor> InheritedOrBound(
    std::vector<FileDescriptor> inherited, InternetSocket kind,
    const std::vector<std::string>& addresses, const std::string& setting) {
  if (!inherited.empty()) return inherited;
  for (const std::string& address : addresses) {
    if (address.empty()) continue;
    for (FileDescriptor& socket : BindInternet(kind, address, setting)) {
      inherited.push_back(std::move(socket));
    }
  }
  return inherited;
}

}  // namespace

StatsdServer::StatsdServer(const Flags& flags, MetricStore& store,
                           prometheus::Registry& registry,
                           SenderQuestions* senders, InheritedSockets inherited)
    : flags_(flags),
      senders_(senders),
      metrics_(registry),
      relay_(flags.statsd_relay_address.empty()
                 ? nullptr
                 : std::make_unique<Relay>(registry)),
      handler_(store, senders, metrics_, relay_.get()),
      tcp_(handler_, metrics_, DescriptorShare(TcpReceiver::kMostConnections)) {
  for (FileDescriptor& socket :
       InheritedOrBound(std::move(inherited.udp), InternetSocket::kUdp,
                        flags_.statsd_listen_udp, "statsd.listen_udp")) {
    AddDatagrams(std::move(socket), Transport::kUdp);
  }
  OpenUnixgram(std::move(inherited.unixgram));
  for (FileDescriptor& socket :
       InheritedOrBound(std::move(inherited.tcp), InternetSocket::kTcp,
                        flags_.statsd_listen_tcp, "statsd.listen_tcp")) {
    tcp_.AddListener(std::move(socket));
  }
  if (relay_ != nullptr) {
    relay_->Start(flags.statsd_relay_address, addresses(Transport::kUdp));
  }
}

StatsdServer::~StatsdServer() { Stop(); }

void StatsdServer::OpenUnixgram(std::vector<FileDescriptor> inherited) {
  const std::string& path = flags_.statsd_listen_unixgram;
  if (!path.empty() && !inherited.empty()) CheckIsAmong(path, inherited);
  if (!path.empty() && inherited.empty()) {
    unix_socket_ = std::make_unique<UnixSocket>(UnixSocketKind::kDatagram, path,
                                                flags_.statsd_unixsocket_mode,
                                                kUnixgramSetting);
    inherited.push_back(unix_socket_->TakeSocket());
  }
  for (FileDescriptor& socket : inherited) {
    AddDatagrams(std::move(socket), Transport::kUnixgram);
  }
}

void StatsdServer::AddDatagrams(FileDescriptor socket, Transport transport) {
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
      std::move(socket), transport, senders_ != nullptr, metrics_));
}

void StatsdServer::Start() {
  std::vector<DatagramReceiver*> receivers;
  for (const auto& receiver : datagrams_) receivers.push_back(receiver.get());
  loop_ = std::make_unique<ReceiveLoop>(std::move(receivers), tcp_, handler_);
  if (senders_ != nullptr) senders_->SetWake([this] { loop_->Wake(); });
  for (const Transport transport :
       {Transport::kUdp, Transport::kUnixgram, Transport::kTcp}) {
    for (const std::string& address : addresses(transport)) {
      LogEvent(LogLevel::kInfo, "receiver_started",
               {{"transport", std::string(TransportName(transport))},
                {"address", address}});
    }
  }
  thread_ = StartThread("statsd", [this] { loop_->Run(); });
}

void StatsdServer::Stop() {
  if (!thread_.joinable()) return;
  loop_->Stop();
  thread_.join();
  if (senders_ != nullptr) senders_->SetWake(nullptr);
}

bool StatsdServer::WaitUntilTaken(std::chrono::milliseconds patience) {
  return loop_->WaitUntilTaken(patience);
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

}  // namespace gunicorn_exporter
