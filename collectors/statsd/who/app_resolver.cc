#include "collectors/statsd/who/app_resolver.h"

#include <optional>
#include <utility>

#include "collectors/statsd/lines/parse_line.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMostAnswers = 16384;
constexpr std::size_t kMostKeyBytes = 4U << 20U;

// env:prod,app:shop
//              ^^^^
std::string_view AppTag(std::string_view tags) {
  constexpr std::string_view kKey = "app:";
  std::string_view tag;
  while (TakeTag(tags, tag)) {
    if (tag.size() > kKey.size() && BeginsWith(tag, kKey)) {
      return tag.substr(kKey.size());
    }
  }
  return {};
}

// The value of the first tag `key` that has one. Empty: none.
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

AppResolver::AppResolver(SenderLookup* lookup, SenderCache::Clock clock,
                         std::shared_ptr<const Naming> naming)
    : senders_(lookup, std::move(clock)) {
  SetNaming(std::move(naming));
}

void AppResolver::SetNaming(std::shared_ptr<const Naming> naming) {
  naming_ = std::move(naming);
  default_ = SeriesRef{
      {naming_->only_app.value_or(AppId{naming_->default_app, "", ""}), {}}};
  ForgetNames();
}

void AppResolver::Clear() {
  senders_.Clear();
  ForgetNames();
}

void AppResolver::ForgetNames() {
  by_tag_.Clear();
  by_prefix_.Clear();
  with_tags_.Clear();
  is_full_ = senders_.IsFull();
  last_ = nullptr;
}

SeriesRef& AppResolver::Remember(StringTable<SeriesRef>& table,
                                 std::string_view key, SeriesRef ref) {
  SeriesRef& remembered = table.Insert(key, std::move(ref));
  is_full_ =
      by_tag_.size() + by_prefix_.size() + with_tags_.size() > kMostAnswers ||
      by_tag_.key_bytes() + by_prefix_.key_bytes() + with_tags_.key_bytes() >
          kMostKeyBytes;
  return remembered;
}

SeriesRef* AppResolver::Find(std::string_view tags, std::string_view prefix,
                             const DatagramSource& source,
                             NewSender new_sender) {
  SeriesRef* app = nullptr;
  if (const std::string_view name = AppTag(tags); !name.empty()) {
    app = &ByTag(name);
  } else if (!prefix.empty()) {
    app = &ByPrefix(prefix);
  } else {
    const std::optional<SeriesRef*> sender = senders_.Find(source, new_sender);
    if (!sender && new_sender != NewSender::kNobody) return nullptr;
    app = sender.value_or(nullptr);
    is_full_ = is_full_ || senders_.IsFull();
    if (app == nullptr) app = &default_;
  }
  if (naming_->tag_labels.empty() || tags.empty()) return app;
  return &WithTags(*app, tags);
}

SeriesRef& AppResolver::ByTag(std::string_view name) {
  SeriesRef* const known = by_tag_.Find(name);
  if (known != nullptr) return *known;
  return Remember(by_tag_, name, {{{std::string(name), "", ""}, {}}});
}

SeriesRef& AppResolver::ByPrefix(std::string_view prefix) {
  SeriesRef* const known = by_prefix_.Find(prefix);
  if (known != nullptr) return *known;
  const auto instance = naming_->app_of_prefix.find(prefix);
  std::string name = instance != naming_->app_of_prefix.end()
                         ? instance->second
                         : std::string(prefix);
  return Remember(by_prefix_, prefix, {{{std::move(name), "", ""}, {}}});
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
  return Remember(with_tags_, scratch_, std::move(added));
}

}  // namespace gunicorn_exporter
