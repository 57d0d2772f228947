// A directory that is gone when the test is.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace gunicorn_exporter {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char path[] = "/tmp/statsd_test.XXXXXX";
    if (mkdtemp(path) != nullptr) path_ = path;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

}  // namespace gunicorn_exporter
