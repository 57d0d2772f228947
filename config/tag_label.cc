#include "config/tag_label.h"

#include <algorithm>
#include <iterator>

namespace gunicorn_exporter {
namespace {

// Every label that a series of ours has by itself.
constexpr std::string_view kOwnLabels[] = {
    "address", "app",     "code",         "collector", "compiler", "event",
    "file",    "handler", "container_id", "le",        "level",    "mode",
    "pid",     "pod_uid", "quantile",     "reason",    "revision", "role",
    "state",   "title",   "version",      "transport",
};

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}

}  // namespace

std::string TagLabelName(std::string_view key) {
  std::string name;
  if (!key.empty() && key.front() >= '0' && key.front() <= '9') name = "_";
  for (const char c : key) {
    // One "_" for a character, not for each of its bytes.
    const bool continues = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    if (!continues) name += IsLetterOrDigit(c) ? c : '_';
  }
  const bool is_own = std::find(std::begin(kOwnLabels), std::end(kOwnLabels),
                                name) != std::end(kOwnLabels);
  if (is_own || name.starts_with("__")) name.insert(0, "tag_");
  return name;
}

}  // namespace gunicorn_exporter
