// The baseline: a bare recvmmsg loop that counts packets, and, if it is asked
// to, lines, each with one increment in a hash map by the line's name.
//
//     statsd_naive_counter udp|unix ADDRESS|PATH count|map
//
// Prints the bound address; on SIGTERM packets, lines and its CPU seconds.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collectors/statsd/receive/socket.h"
#include "config/base/unix_socket.h"
#include "tests/bench/receiver_report.h"

namespace gunicorn_exporter {
namespace {

volatile sig_atomic_t stopped = 0;

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
using Map =
    std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>>;

void CountLines(std::string_view packet, Map& map, std::uint64_t& lines) {
  while (!packet.empty()) {
    const std::size_t end = packet.find('\n');
    const std::string_view line = packet.substr(0, end);
    packet.remove_prefix(end == std::string_view::npos ? packet.size()
                                                       : end + 1);
    ++lines;
    const std::string_view name = line.substr(0, line.find(':'));
    const auto found = map.find(name);
    if (found == map.end()) {
      map.emplace(name, 1);
    } else {
      ++found->second;
    }
  }
}

int Main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s udp|unix ADDRESS|PATH count|map\n",
                 argv[0]);
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = 1; };
  sigaction(SIGTERM, &action, nullptr);
  const bool is_unix = IsUnix(argv[1]);
  FileDescriptor socket;
  std::unique_ptr<UnixSocket> path;
  if (is_unix) {
    path = std::make_unique<UnixSocket>(UnixSocketKind::kDatagram, argv[2],
                                        0777, "socket");
    socket = path->TakeSocket();
  } else {
    socket = std::move(
        BindInternet(InternetSocket::kUdp, argv[2], "statsd_naive_counter")
            .front());
  }
  fcntl(socket.get(), F_SETFL, 0);  // It waits in recvmmsg.
  SetReceiveBuffer(socket, 0);
  const bool with_map = std::string(argv[3]) == "map";
  PrintAddress(LocalAddress(socket));
  const CpuTime cpu_time;

  constexpr std::size_t kMessages = 64;
  constexpr std::size_t kBytes = 65536 + 320;
  std::vector<char> bytes(kMessages * kBytes);
  std::vector<iovec> vectors(kMessages);
  std::vector<mmsghdr> messages(kMessages);
  for (std::size_t i = 0; i < kMessages; ++i) {
    vectors[i] = {bytes.data() + i * kBytes, 65536};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  Map map;
  std::uint64_t packets = 0;
  std::uint64_t lines = 0;
  while (stopped == 0) {
    const int count = recvmmsg(socket.get(), messages.data(), kMessages,
                               MSG_WAITFORONE, nullptr);
    if (count <= 0) continue;
    packets += static_cast<std::uint64_t>(count);
    if (!with_map) continue;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      CountLines(
          {static_cast<const char*>(vectors[i].iov_base), messages[i].msg_len},
          map, lines);
    }
  }
  const double cpu = cpu_time.Seconds();
  const auto memory = ReadReceiveMemory(socket);
  PrintReceived({packets, lines, memory ? memory->drops : 0}, cpu);
  return 0;
}

}  // namespace
}  // namespace gunicorn_exporter

int main(int argc, char** argv) { return gunicorn_exporter::Main(argc, argv); }
