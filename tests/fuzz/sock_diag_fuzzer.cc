// Whatever comes in place of the kernel's answers over NETLINK_SOCK_DIAG, it is
// read within what came, and reading ends. The first byte says which question
// is asked, the second how long the first of two answers is.
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "collectors/process/read/sock_diag.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace gunicorn_exporter;  // NOLINT(google-build-using-namespace)
  if (size < 2) return 0;
  // Messages with bounds, as netlink's; and an end, which netlink has not.
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) std::abort();
  const FileDescriptor kernel(ends[0]);
  SockDiag diag{FileDescriptor(ends[1])};
  const std::uint8_t* const rest = data + 2;
  const std::size_t first = std::min<std::size_t>(data[1] * 4U, size - 2);
  if (first > 0) send(kernel.get(), rest, first, MSG_DONTWAIT);
  if (size - 2 > first) {
    send(kernel.get(), rest + first, size - 2 - first, MSG_DONTWAIT);
  }
  shutdown(kernel.get(), SHUT_WR);
  const SocketFilter all{.all = true};
  switch (data[0] % 4) {
    case 0:
      diag.Listeners();
      break;
    case 1:
      diag.Connections(all, all, [](const TcpSocket&) { return true; });
      break;
    case 2:
      diag.UnixListeners();
      break;
    default:
      diag.UdpSockets();
      break;
  }
  return 0;
}
