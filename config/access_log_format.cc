#include "config/access_log_format.h"

#include <re2/re2.h>

#include <cstddef>

namespace gunicorn_exporter {
namespace {

// The atom that the text begins with, "D" of "%(D)s"; empty where there is
// none. `size` is what it takes of the text.
std::string_view FindAtom(std::string_view text, std::size_t& size) {
  if (!text.starts_with("%(")) return {};
  const std::size_t end = text.find(")s");
  if (end == text.npos) return {};
  size = end + 2;
  return text.substr(2, end - 2);
}

// Which duration is read where the format has several: the finest.
std::string_view FindDuration(std::string_view format) {
  for (const std::string_view atom : {"D", "L", "M", "T"}) {
    if (format.find("%(" + std::string(atom) + ")s") != format.npos)
      return atom;
  }
  return {};
}

}  // namespace

bool IsAccessLogFormat(std::string_view text) {
  const std::size_t start = text.find("%(");
  std::size_t size = 0;
  return start != text.npos && !FindAtom(text.substr(start), size).empty();
}

std::string AccessLogFormatToPattern(std::string_view format) {
  std::string_view duration = FindDuration(format);
  bool has_status = false;
  std::string pattern = "^";
  while (!format.empty()) {
    std::size_t size = 1;
    const std::string_view atom = FindAtom(format, size);
    if (atom.empty()) {
      if (format.starts_with("%%")) size = 2;
      pattern += re2::RE2::QuoteMeta(std::string(format.substr(size - 1, 1)));
    } else if (atom == "s" && !has_status) {
      pattern += "(?P<status>\\d+)";
      has_status = true;
    } else if (atom == duration) {
      pattern += atom == "D"   ? "(?P<microseconds>\\d+)"
                 : atom == "M" ? "(?P<milliseconds>\\d+)"
                               : "(?P<seconds>[\\d.]+)";
      duration = {};  // A group has its name once.
    } else {
      pattern += ".*?";
    }
    format.remove_prefix(size);
  }
  return pattern + "$";
}

}  // namespace gunicorn_exporter
