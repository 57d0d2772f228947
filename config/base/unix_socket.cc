#include "config/base/unix_socket.h"

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
#include "config/base/listen.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;

// Of a path that is not longer.
sockaddr_un ToAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

}  // namespace

std::string UnixSocketPath(const std::string& listen,
                           const std::string& setting) {
  constexpr std::string_view kScheme = "unix://";
  std::string path =
      listen.starts_with(kScheme) ? listen.substr(kScheme.size()) : listen;
  if (path.starts_with('/')) return path;
  throw ConfigError(setting + ": \"" + listen +
                    "\" is no path; expected an absolute path, or "
                    "unix:///path");
}

void UnixSocket::Fail(const std::string& what, int error) const {
  throw ConfigError(setting_ + ": " + what + ": " + ErrorText(error));
}

FileDescriptor UnixSocket::NewSocket() const {
  const int type = kind_ == UnixSocketKind::kStream ? SOCK_STREAM : SOCK_DGRAM;
  FileDescriptor socket(
      ::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) Fail("cannot make a socket", errno);
  return socket;
}

void UnixSocket::MakeDirectory() const {
  const std::filesystem::path parent =
      std::filesystem::path(path_).parent_path();
  if (parent.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  if (error) {
    Fail("cannot make the directory " + parent.string(), error.value());
  }
}

// Removes a socket that nobody receives on any more.
void UnixSocket::RemoveStale() const {
  struct stat status {};
  if (lstat(path_.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    Fail("cannot look at " + path_, errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    throw ConfigError(setting_ + ": " + path_ +
                      " exists and is not a socket; expected a free path");
  }
  const FileDescriptor probe = NewSocket();
  const sockaddr_un address = ToAddress(path_);
  const bool is_taken =
      connect(probe.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0;
  if (!is_taken && errno == EACCES) {
    Fail("cannot bind " + path_ +
             ", a socket is there that may not be written to",
         EACCES);
  }
  if (is_taken || errno != ECONNREFUSED) {
    Fail("cannot bind " + path_ + ", another process has it", EADDRINUSE);
  }
  if (unlink(path_.c_str()) != 0 && errno != ENOENT) {
    Fail("cannot remove the stale socket " + path_, errno);
  }
}

void UnixSocket::Bind(std::optional<unsigned> mode) {
  // The mode before there is a path: at no time may more people write than the
  // mode says. The umask can only take away from it; chmod then gives that
  // back.
  if (mode && fchmod(socket_.get(), *mode) != 0) {
    Fail("cannot set the mode", errno);
  }
  const sockaddr_un address = ToAddress(path_);
  if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0) {
    Fail("cannot bind " + path_, errno);
  }
  struct stat status {};
  if ((mode && chmod(path_.c_str(), *mode) != 0) ||
      lstat(path_.c_str(), &status) != 0) {
    const int error = errno;
    unlink(path_.c_str());
    Fail("cannot set the mode of " + path_, error);
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

UnixSocket::UnixSocket(UnixSocketKind kind, const std::string& path,
                       std::optional<unsigned> mode, std::string setting)
    : kind_(kind),
      path_(path),
      setting_(std::move(setting)),
      socket_(NewSocket()) {
  if (path_.size() > kLongestPath) {
    throw ConfigError(setting_ + ": \"" + path_ +
                      "\" is too long for a socket; expected at most " +
                      std::to_string(kLongestPath) + " bytes");
  }
  MakeDirectory();
  RemoveStale();
  Bind(mode);
  if (kind_ == UnixSocketKind::kStream &&
      listen(socket_.get(), kPendingConnections) != 0) {
    Fail("cannot listen on " + path_, errno);
  }
}

UnixSocket::~UnixSocket() {
  struct stat status {};
  if (lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

}  // namespace gunicorn_exporter
