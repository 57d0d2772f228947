#include "collectors/logs/file_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <system_error>
#include <utility>

#include "config/base/error_text.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

constexpr std::uint32_t kReplacing = IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                     IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |
                                     IN_MOVE_SELF;

}  // namespace

FileWatcher::FileWatcher()
    : inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      inotify_error_(inotify_ ? 0 : errno),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
}

void FileWatcher::Watch(const std::set<std::string>& folders) {
  sees_all_ = static_cast<bool>(inotify_);
  std::erase_if(watches_, [&](const auto& watch) {
    if (folders.contains(watch.first)) return false;
    inotify_rm_watch(inotify_.get(), watch.second);
    return true;
  });
  for (const std::string& folder : folders) {
    // A folder that was replaced has a new watch; the same one is no change.
    const int watch = inotify_add_watch(inotify_.get(), folder.c_str(),
                                        kReplacing | IN_MODIFY | IN_ONLYDIR);
    if (watch >= 0) {
      watches_[folder] = watch;
      continue;
    }
    watches_.erase(folder);
    sees_all_ = false;
    const int error = inotify_error_ != 0 ? inotify_error_ : errno;
    // A folder that is missing is expected; a limit is not.
    if (error != ENOENT && error != ENOTDIR && error != EACCES &&
        !std::exchange(has_warned_, true)) {
      LogEvent(LogLevel::kWarn, "log_watch_failed",
               {{"path", folder},
                {"error", ErrorText(error)},
                {"instead", "polling"}});
    }
  }
}

void FileWatcher::Wake() {
  const std::uint64_t one = 1;
  // Fails only where it is awake already.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

void FileWatcher::TakeWake() {
  std::uint64_t count = 0;
  // Fails only where nobody has called Wake.
  [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof count);
}

void FileWatcher::Pause(std::chrono::milliseconds time) {
  pollfd wake = {wake_.get(), POLLIN, 0};
  if (poll(&wake, 1, static_cast<int>(time.count())) > 0) TakeWake();
}

FileWatcher::Change FileWatcher::Wait(std::chrono::milliseconds timeout) {
  std::array<pollfd, 2> fds = {pollfd{wake_.get(), POLLIN, 0},
                               pollfd{inotify_.get(), POLLIN, 0}};
  const int ready =
      poll(fds.data(), fds.size(), static_cast<int>(timeout.count()));
  if (ready <= 0) return Change::kNothing;
  if ((fds[0].revents & POLLIN) != 0) TakeWake();
  return (fds[1].revents & POLLIN) != 0 ? ReadEvents() : Change::kNothing;
}

FileWatcher::Change FileWatcher::ReadEvents() {
  Change change = Change::kWritten;
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  while (true) {
    const ssize_t size = read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return change;
    std::size_t offset = 0;
    while (offset < static_cast<std::size_t>(size)) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + offset, sizeof event);
      // After an overflow anything may have happened.
      if ((event.mask & (kReplacing | IN_Q_OVERFLOW)) != 0)
        change = Change::kReplaced;
      offset += sizeof event + event.len;
    }
  }
}

}  // namespace gunicorn_exporter
