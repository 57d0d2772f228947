#include "collectors/process/read/network_namespace.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <thread>

namespace gunicorn_exporter {
namespace {

bool MayEnter() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return false;
  return (sets[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

}  // namespace

FileDescriptor OpenSockDiagIn(ProcReader& reader, pid_t pid,
                              std::uint64_t inode) {
  if (!MayEnter()) return FileDescriptor();
  const FileDescriptor space = reader.Open(pid, "ns/net", O_RDONLY);
  // The number may be another process's by now.
  if (!space || reader.NetworkNamespace(pid) != inode) return FileDescriptor();
  FileDescriptor made;
  int error = 0;
  try {
    std::thread([&] {
      if (setns(space.get(), CLONE_NEWNET) != 0) {
        error = errno;
        return;
      }
      made = FileDescriptor(
          socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    }).join();
  } catch (const std::system_error&) {
    return FileDescriptor();  // No thread to be had: the estimate does.
  }
  if (error != 0) reader.CountError(pid, "ns/net", error);
  return made;
}

}  // namespace gunicorn_exporter
