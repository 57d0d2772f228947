// A string that is written front to back: room is made once for a whole line,
// then its parts are copied without a look at the capacity each time.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace gunicorn_exporter {

class ByteWriter {
 public:
  explicit ByteWriter(std::size_t expected_bytes) {
    bytes_.resize(expected_bytes);
  }

  // A place for at least `size` bytes; good until the next call.
  char* Reserve(std::size_t size) {
    if (bytes_.size() - used_ < size) {
      bytes_.resize(bytes_.size() + bytes_.size() / 2 + size);
    }
    return bytes_.data() + used_;
  }

  // What stands before `end`, a pointer into the reserved place, is written.
  void Commit(const char* end) {
    used_ = static_cast<std::size_t>(end - bytes_.data());
  }

  void Append(std::string_view text) {
    char* const place = Reserve(text.size());
    std::memcpy(place, text.data(), text.size());
    used_ += text.size();
  }

  std::string Take() && {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  std::size_t used_ = 0;
};

// Copies `text` to `place` and returns the place behind it.
inline char* Put(char* place, std::string_view text) {
  std::memcpy(place, text.data(), text.size());
  return place + text.size();
}

}  // namespace gunicorn_exporter
