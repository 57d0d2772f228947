#include "collectors/logs/log_paths.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "collectors/logs/find_rotated.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {
namespace {

constexpr char kGlobBytes[] = "*?[";

}  // namespace

bool IsGlob(const std::string& path) {
  return path.find_first_of(kGlobBytes) != std::string::npos;
}

std::string FixedFolderOf(const std::string& path) {
  return FolderOf(path.substr(0, path.find_first_of(kGlobBytes)));
}

std::vector<std::string> ListLogPaths(const LogSourceConfig& source) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(source.path.c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      const std::string path = found.gl_pathv[i];
      const bool is_excluded = std::any_of(
          source.exclude_paths.begin(), source.exclude_paths.end(),
          [&path](const std::string& exclude) {
            return fnmatch(exclude.c_str(), path.c_str(), FNM_PATHNAME) == 0;
          });
      if (!is_excluded) paths.push_back(path);
    }
  }
  globfree(&found);
  return paths;
}

bool MayNotLook(const std::string& path) {
  if (!IsGlob(path)) {
    struct stat status {};
    return stat(path.c_str(), &status) != 0 && errno == EACCES;
  }
  const FileDescriptor folder(
      open(FixedFolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return !folder && errno == EACCES;
}

}  // namespace gunicorn_exporter
