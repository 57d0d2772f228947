// Sends gunicorn's three lines a request, over UDP or a unix socket:
//
//     statsd_load udp 127.0.0.1:8125 LINES LINES_A_PACKET PACKETS_A_SECOND
//     [TAG] statsd_load unix /run/x.sock ...
//
// 0 packets a second: as fast as it goes. Packets are evenly spaced, by a loop
// that waits for the clock: give it a processor of its own. TAG is appended to
// each line: "|#app:shop". Prints packets, lines and seconds.
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "collectors/statsd/receive/socket.h"

namespace gunicorn_exporter {
namespace {

using Clock = std::chrono::steady_clock;

FileDescriptor Connect(const std::string& kind, const std::string& target) {
  if (kind == "unix") {
    FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    target.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address),
                sizeof(address)) != 0) {
      std::perror("connect");
      std::exit(1);
    }
    return socket;
  }
  return ConnectUdp(target, "statsd_load");
}

std::vector<std::string> MakePackets(long lines_a_packet,
                                     const std::string& tag) {
  constexpr int kPackets = 999;
  std::vector<std::string> packets;
  unsigned random = 1;
  long line = 0;
  for (int i = 0; i < kPackets; ++i) {
    std::string packet;
    for (long n = 0; n < lines_a_packet; ++n, ++line) {
      random = random * 1664525U + 1013904223U;
      if (n != 0) packet += '\n';
      if (line % 3 == 0) {
        packet += "gunicorn.request.duration:" +
                  std::to_string((random >> 12U) % 900 + 1) + "." +
                  std::to_string((random >> 5U) % 1000) + "|ms";
      } else if (line % 3 == 1) {
        packet += "gunicorn.requests:1|c|@1.0";
      } else {
        packet += "gunicorn.request.status.200:1|c|@1.0";
      }
      packet += tag;
    }
    packets.push_back(packet);
  }
  return packets;
}

int Main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr,
                 "usage: %s udp|unix TARGET LINES LINES_A_PACKET "
                 "PACKETS_A_SECOND [TAG]\n",
                 argv[0]);
    return 2;
  }
  const FileDescriptor socket = Connect(argv[1], argv[2]);
  const long lines = std::atol(argv[3]);
  const long lines_a_packet = std::atol(argv[4]);
  const double rate = std::atof(argv[5]);
  const std::vector<std::string> packets =
      MakePackets(lines_a_packet, argc > 6 ? argv[6] : "");
  const long count = lines / lines_a_packet;
  long failed = 0;
  const Clock::time_point start = Clock::now();
  for (long i = 0; i < count; ++i) {
    if (rate > 0) {
      const auto due =
          start +
          std::chrono::duration_cast<Clock::duration>(
              std::chrono::duration<double>(static_cast<double>(i) / rate));
      while (Clock::now() < due) {
      }
    }
    const std::string& packet =
        packets[static_cast<std::size_t>(i) % packets.size()];
    // A unix socket whose queue is full makes send wait, as gunicorn's does.
    if (send(socket.get(), packet.data(), packet.size(), 0) < 0) ++failed;
  }
  const double seconds =
      std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("packets=%ld lines=%ld failed=%ld seconds=%.3f\n", count,
              count * lines_a_packet, failed, seconds);
  return 0;
}

}  // namespace
}  // namespace gunicorn_exporter

int main(int argc, char** argv) { return gunicorn_exporter::Main(argc, argv); }
