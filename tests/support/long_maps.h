// While it lives, /proc/self/maps is longer than the kernel gives at one read.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <stdexcept>
#include <string>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

class LongMaps {
 public:
  // Maps `path` behind pages whose protection alternates: each is a line.
  explicit LongMaps(const std::string& path) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    void* const pages =
        mmap(nullptr, size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::runtime_error("cannot map pages");
    begin_ = static_cast<char*>(pages);
    for (std::size_t i = 0; i < kPages; i += 2) {
      mprotect(begin_ + i * page_, page_, PROT_READ);
    }
    if (mmap(begin_ + kPages * page_, page_, PROT_READ, MAP_PRIVATE | MAP_FIXED,
             file.get(), 0) == MAP_FAILED)
      throw std::runtime_error("cannot map " + path);
  }
  ~LongMaps() { munmap(begin_, size()); }
  LongMaps(const LongMaps&) = delete;
  LongMaps& operator=(const LongMaps&) = delete;

 private:
  static constexpr std::size_t kPages = 1000;

  std::size_t size() const { return (kPages + 1) * page_; }

  const std::size_t page_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  char* begin_ = nullptr;
};

}  // namespace gunicorn_exporter
