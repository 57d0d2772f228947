#include "config/base/read_file.h"

#include <cerrno>
#include <cstdio>
#include <memory>

#include "config/base/config_error.h"
#include "config/base/error_text.h"

namespace gunicorn_exporter {

std::string ReadTextFile(const std::string& file, std::size_t max_bytes) {
  const auto fail = [] {
    throw ConfigError("cannot be read: " + ErrorText(errno));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(
      std::fopen(file.c_str(), "rbe"), std::fclose);
  if (!in) fail();
  std::string text(max_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), in.get()));
  if (std::ferror(in.get()) != 0) fail();
  return text;
}

}  // namespace gunicorn_exporter
