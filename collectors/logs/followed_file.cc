#include "collectors/logs/followed_file.h"

#include <algorithm>
#include <string>

namespace gunicorn_exporter {

void FollowedFile::Judge(const std::vector<FollowedFile>& files,
                         Clock::time_point now) {
  if (use != Use::kUnknown && use != Use::kSuspect) return;
  const std::string head = tail->ReadHead();
  const auto is_any = [&](auto&& predicate) {
    return std::any_of(
        files.begin(), files.end(), [&](const FollowedFile& other) {
          return &other != this && other.use == Use::kRead && predicate(other);
        });
  };
  if (use == Use::kUnknown) {
    if (head.empty()) return;  // Nothing to judge by, and nothing to lose.
    if (head.find('\0') != head.npos) {
      use = Use::kLeftAlone;
    } else if (is_any([&](const FollowedFile& other) {
                 return other.tail->BeginsLike(head) ||
                        other.tail->BeganLike(head);
               })) {
      use = Use::kSuspect;
      suspect_since = now;
    } else {
      use = Use::kRead;
    }
  }
  if (use != Use::kSuspect) return;
  const std::uint64_t size = tail->ReadSize();
  if (is_any([&](const FollowedFile& other) {
        return other.tail->BeganLike(head);
      })) {
    use = Use::kLeftAlone;
  } else if (now - suspect_since < kCopyTime) {
    suspect_size = size;
  } else if (size > suspect_size) {
    // A large file is copied for long.
    const bool is_in_the_making = is_any([&](const FollowedFile& other) {
      return other.tail->BeginsLike(head) && tail->EndsWithin(*other.tail);
    });
    if (!is_in_the_making) use = Use::kRead;
    suspect_size = size;
  }
}

}  // namespace gunicorn_exporter
