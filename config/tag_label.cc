#include "config/tag_label.h"

#include <algorithm>
#include <iterator>

#include "config/base/number.h"
#include "config/base/utf8.h"

namespace gunicorn_exporter {
namespace {

// Every label that a series of ours has by itself.
constexpr std::string_view kOwnLabels[] = {
    "address",  "app",     "code",         "collector", "compiler", "event",
    "file",     "handler", "container_id", "le",        "level",    "mode",
    "path",     "peer",    "pid",          "pod_uid",   "quantile", "reason",
    "revision", "role",    "state",        "title",     "version",  "transport",
};

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string MakeName(std::string_view text) {
  std::string name;
  if (!text.empty() && IsDigit(text.front())) name = "_";
  for (const char c : text) {
    if (IsLetter(c) || IsDigit(c)) {
      name += c;
    } else if (!IsUtf8Continuation(c)) {
      name += '_';
    }
  }
  return name;
}

std::string TagLabelName(std::string_view key) {
  std::string name = MakeName(key);
  const bool is_own = std::find(std::begin(kOwnLabels), std::end(kOwnLabels),
                                name) != std::end(kOwnLabels);
  if (is_own || name.starts_with("__")) name.insert(0, "tag_");
  return name;
}

}  // namespace gunicorn_exporter
