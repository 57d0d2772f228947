// While it lives, this process gets no new file descriptor: EMFILE.
#pragma once

#include <sys/resource.h>

namespace gunicorn_exporter {

// UBSan asks the kernel, through a pipe that it opens, whether memory can be
// read before it looks at an object's vtable, and takes EMFILE for "no": a test
// that is without descriptors is skipped there.
#ifdef GUNICORN_EXPORTER_UBSAN
inline constexpr bool kSanitiserNeedsDescriptors = true;
#else
inline constexpr bool kSanitiserNeedsDescriptors = false;
#endif

class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{0, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace gunicorn_exporter
