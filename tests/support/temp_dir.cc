#include "tests/support/temp_dir.h"

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp.

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace gunicorn_exporter {
namespace {

void Write(const std::string& path, std::string_view text,
           std::ios_base::openmode mode) {
  std::ofstream out(path, std::ios::binary | mode);
  out << text << std::flush;
  if (!out) throw std::runtime_error("cannot write " + path);
}

}  // namespace

TempDir::TempDir() {
  std::string name =
      (std::filesystem::temp_directory_path() / "gunicorn_exporter.XXXXXX")
          .string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::operator/(std::string_view name) const {
  return (path_ / name).string();
}

void WriteFile(const std::string& path, std::string_view text) {
  Write(path, text, std::ios::trunc);
}

void AppendFile(const std::string& path, std::string_view text) {
  Write(path, text, std::ios::app);
}

}  // namespace gunicorn_exporter
