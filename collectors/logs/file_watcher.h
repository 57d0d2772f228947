// Waits until something happens in some folders, by inotify(7); where that does
// not work, until a time has passed. What it tells is a hint to look again, no
// more: a change may be missed (a network's folder), or be somebody else's.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

class FileWatcher {
 public:
  enum class Change {
    kNothing,   // The time has passed.
    kWritten,   // A file has grown.
    kReplaced,  // A file came, went, or changed its name or mode.
  };

  FileWatcher();

  // The folders from now on. One that does not exist is tried again next time.
  void Watch(const std::set<std::string>& folders);
  // Any thread: ends a Wait or Pause that runs now, or the next one.
  void Wake();
  Change Wait(std::chrono::milliseconds timeout);
  // Waits whatever happens, but for Wake. What happens is for the next Wait.
  void Pause(std::chrono::milliseconds time);
  // False where a folder cannot be watched: look by the clock, too.
  bool sees_all() const { return sees_all_; }

 private:
  Change ReadEvents();
  void TakeWake();

  FileDescriptor inotify_;
  int inotify_error_ = 0;  // Why there is none.
  FileDescriptor wake_;
  std::map<std::string, int> watches_;  // Folder to watch descriptor.
  bool sees_all_ = true;
  bool has_warned_ = false;
};

}  // namespace gunicorn_exporter
