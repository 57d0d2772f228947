// How did a process end that is no child of ours? Linux 6.15 and later tell it
// to whoever held a pidfd of it, also long after its parent has waited for it,
// and ask for no right. Source: pidfd_open(2); PIDFD_GET_INFO and
// PIDFD_INFO_EXIT of include/uapi/linux/pidfd.h.
//
// Thread rule: one thread at a time.
#pragma once

#include <sys/types.h>

#include <optional>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

class ProcessEnd {
 public:
  // Watches the process that has this pid now.
  explicit ProcessEnd(pid_t pid);

  // False where no descriptor was to be had, or the process had gone.
  bool IsWatching() const { return static_cast<bool>(pidfd_); }

  // As waitpid(2) gives it. Nothing while it lives or its parent has not waited
  // for it, and where the kernel does not tell.
  std::optional<int> Status() const;

 private:
  FileDescriptor pidfd_;
};

// Whether this kernel tells: tried once, with a child of our own.
bool KernelTellsProcessEnds();

}  // namespace gunicorn_exporter
