#include "collectors/statsd/who/app_resolver.h"

#include <utility>

#include "collectors/statsd/lines/parse_line.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMostAnswers = 16384;
constexpr std::size_t kMostKeyBytes = 4U << 20U;

// The value of the first tag `key` that has one. Empty: none.
//
// env:prod,app:shop
//              ^^^^
std::string_view TagValue(std::string_view tags, std::string_view key) {
  std::string_view tag;
  while (TakeTag(tags, tag)) {
    if (tag.size() > key.size() + 1 && tag[key.size()] == ':' &&
        BeginsWith(tag, key)) {
      return tag.substr(key.size() + 1);
    }
  }
  return {};
}

}  // namespace

AppResolver::AppResolver(std::shared_ptr<const Naming> naming) {
  SetNaming(std::move(naming));
}

void AppResolver::SetNaming(std::shared_ptr<const Naming> naming) {
  naming_ = std::move(naming);
  default_ = SeriesRef{
      {naming_->only_app.value_or(AppId{naming_->default_app, "", ""}), {}}};
  Clear();
}

bool AppResolver::IsFull() const {
  return by_tag_.size() + by_prefix_.size() + with_tags_.size() >
             kMostAnswers ||
         by_tag_.key_bytes() + by_prefix_.key_bytes() + with_tags_.key_bytes() >
             kMostKeyBytes;
}

void AppResolver::Clear() {
  by_tag_.Clear();
  by_prefix_.Clear();
  with_tags_.Clear();
}

SeriesRef* AppResolver::FindByName(std::string_view tags,
                                   std::string_view prefix) {
  if (const std::string_view name = TagValue(tags, "app"); !name.empty()) {
    SeriesRef* const known = by_tag_.Find(name);
    if (known != nullptr) return known;
    return &by_tag_.Insert(name, {{{std::string(name), "", ""}, {}}});
  }
  if (prefix.empty()) return nullptr;
  SeriesRef* const known = by_prefix_.Find(prefix);
  if (known != nullptr) return known;
  const auto instance = naming_->app_of_prefix.find(prefix);
  std::string name = instance != naming_->app_of_prefix.end()
                         ? instance->second
                         : std::string(prefix);
  return &by_prefix_.Insert(prefix, {{{std::move(name), "", ""}, {}}});
}

SeriesRef& AppResolver::WithTags(const SeriesRef& app, std::string_view tags) {
  constexpr char kPart = '\xFF';  // Not in UTF-8.
  scratch_ = app.key.app.name;
  scratch_ += kPart;
  scratch_ += app.key.app.container_id;
  for (const std::string& key : naming_->tag_labels) {
    scratch_ += kPart;
    scratch_ += TagValue(tags, key);
  }
  SeriesRef* const known = with_tags_.Find(scratch_);
  if (known != nullptr) return *known;
  SeriesRef added{{app.key.app, {}}};
  for (const std::string& key : naming_->tag_labels) {
    const std::string_view value = TagValue(tags, key);
    if (!value.empty()) added.key.tags.push_back({key, std::string(value)});
  }
  return with_tags_.Insert(scratch_, std::move(added));
}

}  // namespace gunicorn_exporter
