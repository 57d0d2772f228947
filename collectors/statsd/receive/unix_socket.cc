#include "collectors/statsd/receive/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "config/base/config_error.h"
#include "config/base/error_text.h"

namespace gunicorn_exporter {
namespace {

constexpr char kSetting[] = "statsd.listen_unixgram: ";

[[noreturn]] void Fail(const std::string& what, int error) {
  throw ConfigError(kSetting + what + ": " + ErrorText(error));
}

FileDescriptor NewSocket() {
  FileDescriptor socket(
      ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) Fail("cannot make a socket", errno);
  return socket;
}

sockaddr_un MakeAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    throw ConfigError(kSetting + ("\"" + path + "\"") +
                      " is too long for a socket; expected at most " +
                      std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

void MakeDirectory(const std::string& path) {
  const std::filesystem::path parent =
      std::filesystem::path(path).parent_path();
  if (parent.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  if (error)
    Fail("cannot make the directory " + parent.string(), error.value());
}

// Removes a socket that nobody receives on any more.
void RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    Fail("cannot look at " + path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    throw ConfigError(kSetting + path +
                      " exists and is not a socket; expected a free path");
  }
  const FileDescriptor probe = NewSocket();
  const bool is_taken =
      connect(probe.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0;
  if (!is_taken && errno == EACCES) {
    Fail("cannot bind " + path +
             ", a socket is there that may not be written to",
         EACCES);
  }
  if (is_taken || errno != ECONNREFUSED) {
    Fail("cannot bind " + path + ", another process has it", EADDRINUSE);
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    Fail("cannot remove the stale socket " + path, errno);
  }
}

}  // namespace

std::string UnixSocketPath(const std::string& listen) {
  constexpr std::string_view kScheme = "unix://";
  std::string path =
      listen.starts_with(kScheme) ? listen.substr(kScheme.size()) : listen;
  if (path.starts_with('/')) return path;
  throw ConfigError(kSetting + ("\"" + listen + "\"") +
                    " is no path; expected an absolute path, or unix:///path");
}

UnixSocket::UnixSocket(const std::string& path, unsigned mode)
    : path_(path), socket_(NewSocket()) {
  const sockaddr_un address = MakeAddress(path);
  MakeDirectory(path);
  RemoveStale(path, address);
  // The mode before there is a path: at no time may more people write than the
  // mode says. The umask can only take away from it; chmod then gives that
  // back.
  if (fchmod(socket_.get(), mode) != 0) Fail("cannot set the mode", errno);
  if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0) {
    Fail("cannot bind " + path, errno);
  }
  struct stat status {};
  if (chmod(path.c_str(), mode) != 0 || lstat(path.c_str(), &status) != 0) {
    const int error = errno;
    unlink(path.c_str());
    Fail("cannot set the mode of " + path, error);
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

UnixSocket::~UnixSocket() {
  struct stat status {};
  if (lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

}  // namespace gunicorn_exporter
