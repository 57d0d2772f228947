#include "collectors/statsd/who/app_resolver.h"

#include <utility>

#include "collectors/statsd/lines/parse_line.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMostAnswers = 16384;
constexpr std::size_t kMostKeyBytes = 4U << 20U;

// Blanks are 0x20 alone.
std::string_view Stripped(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// The value of the first tag `key` that has one. Empty: none.
//
// env:prod, app: shop
//                ^^^^
std::string_view TagValue(std::string_view tags, std::string_view key) {
  std::string_view tag;
  while (TakeTag(tags, tag)) {
    while (tag.starts_with(' ')) tag.remove_prefix(1);
    if (tag.size() > key.size() + 1 && tag[key.size()] == ':' &&
        BeginsWith(tag, key)) {
      const std::string_view value = Stripped(tag.substr(key.size() + 1));
      if (!value.empty()) return value;
    }
  }
  return {};
}

}  // namespace

AppResolver::AppResolver(std::shared_ptr<const Naming> naming,
                         CarriedNames& carried)
    : carried_(carried) {
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

NamedApp* AppResolver::FindByName(std::string_view tags,
                                  std::string_view prefix) {
  NamedApp* tagged = nullptr;
  if (const std::string_view name = TagValue(tags, "app"); !name.empty()) {
    tagged = by_tag_.Find(name);
    if (tagged == nullptr) {
      tagged = &by_tag_.Insert(name, {{{{std::string(name), "", ""}, {}}},
                                      naming_->known_names.contains(name),
                                      CarriedTag(name)});
    }
    if (tagged->is_known) return tagged;
  }
  if (prefix.empty()) return tagged;
  NamedApp& prefixed = FindPrefix(prefix);
  return tagged == nullptr || prefixed.is_known ? &prefixed : tagged;
}

NamedApp& AppResolver::FindPrefix(std::string_view prefix) {
  NamedApp* const found = by_prefix_.Find(prefix);
  if (found != nullptr) return *found;
  const auto instance = naming_->app_of_prefix.find(prefix);
  std::string name = instance != naming_->app_of_prefix.end()
                         ? instance->second
                         : std::string(prefix);
  const bool is_known = naming_->known_names.contains(name);
  NamedApp& made = by_prefix_.Insert(
      prefix,
      {{{{std::move(name), "", ""}, {}}}, is_known, CarriedPrefix(prefix)});
  const AppId& app = made.ref.key.app;
  if (is_known && app.name != prefix) carried_.Tell(app, made.carried);
  return made;
}

SeriesRef& AppResolver::WithTags(const SeriesRef& app, std::string_view tags) {
  constexpr char kPart = '\xFF';  // Not in UTF-8.
  scratch_ = app.key.app.name;
  scratch_ += kPart;
  scratch_ += app.key.app.pod_uid;
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
