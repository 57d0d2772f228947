#include "collectors/logs/traceback.h"

#include <algorithm>

namespace gunicorn_exporter {
namespace {

// Of an exception's text, behind its first line. What is longer may as well be
// lines that are lost, which are to be seen.
constexpr int kMaxTextLines = 20;

// Also one of an exception group:
//
//     "  + Exception Group Traceback (most recent call last):"
bool BeginsTraceback(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t+|"), line.size()));
  return line.starts_with("Traceback (most recent call last):") ||
         line.starts_with("Exception Group Traceback (most recent call last):");
}

}  // namespace

void Traceback::TakeMessage(bool is_error) {
  place_ = is_error ? Place::kMessage : Place::kOutside;
}

bool Traceback::TakeLine(std::string_view line) {
  const bool is_inside = place_ != Place::kOutside;
  if (BeginsTraceback(line)) {
    place_ = Place::kFrames;
    return is_inside;
  }
  if (line.starts_with(' ') || line.starts_with('\t')) return is_inside;
  if (place_ == Place::kFrames) {
    place_ = Place::kException;
    text_lines_ = 0;
    return true;
  }
  if (place_ == Place::kException && ++text_lines_ <= kMaxTextLines)
    return true;
  place_ = Place::kOutside;
  return false;
}

}  // namespace gunicorn_exporter
