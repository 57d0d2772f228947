// A folder for one test, removed with it, and small helpers to write into it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace gunicorn_exporter {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  // The path of a name in the folder.
  std::string operator/(std::string_view name) const;

 private:
  std::filesystem::path path_;
};

// Both throw std::runtime_error where it fails.
void WriteFile(const std::string& path, std::string_view text);
void AppendFile(const std::string& path, std::string_view text);

}  // namespace gunicorn_exporter
