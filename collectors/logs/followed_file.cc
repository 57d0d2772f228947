#include "collectors/logs/followed_file.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace gunicorn_exporter {
namespace {

std::string_view NameOf(const TailedFile& file) {
  const std::string_view path = file.path();
  return path.substr(path.rfind('/') + 1);
}

// "a.log.1", "a.log-20261129" and "a-1.log" are of "a.log".
bool IsNamedAfter(const TailedFile& copy, const TailedFile& log) {
  const std::string_view name = NameOf(log);
  return NameOf(copy).starts_with(name.substr(0, name.find('.')));
}

}  // namespace

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
    } else {
      use = Use::kRead;
    }
  }
  if (use != Use::kSuspect) return;
  if (is_any([&](const FollowedFile& other) {
        return other.tail->BeganLike(head);
      })) {
    use = Use::kLeftAlone;
    return;
  }
  const std::uint64_t size = tail->ReadSize();
  if (std::exchange(suspect_size, size) != size) unchanged_since = now;
  const bool is_quiet = now - unchanged_since >= kCopyTime;
  const bool may_be_copy = is_any([&](const FollowedFile& other) {
    if (!other.tail->BeginsLike(head)) return false;
    if (is_quiet && !IsNamedAfter(*tail, *other.tail)) return false;
    // In this order: one that is whole afterwards was whole when asked.
    return tail->EndsWithin(*other.tail) || !other.tail->IsWhole();
  });
  if (!may_be_copy) use = Use::kRead;
}

}  // namespace gunicorn_exporter
