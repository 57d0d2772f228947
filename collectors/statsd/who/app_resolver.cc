#include "collectors/statsd/who/app_resolver.h"

#include <algorithm>
#include <utility>

#include "collectors/statsd/lines/parse_line.h"
#include "collectors/statsd/lines/translate.h"

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
        tag.starts_with(key)) {
      const std::string_view value = Stripped(tag.substr(key.size() + 1));
      if (!value.empty()) return value;
    }
  }
  return {};
}

// Several containers of one name are one app where only the name is asked for.
AppId DefaultApp(const Config& config, const std::vector<AppId>& known) {
  const bool is_one_name =
      !known.empty() &&
      std::all_of(known.begin(), known.end(), [&](const AppId& app) {
        return app.name == known.front().name;
      });
  if (is_one_name && known.size() == 1) return known.front();
  if (is_one_name) return {known.front().name, "", ""};
  const std::string& configured = config.statsd.default_app;
  return {configured.empty() ? "unknown" : configured, "", ""};
}

}  // namespace

Naming::Naming(const Config& config, const std::vector<AppId>& known)
    : default_app(DefaultApp(config, known)),
      tag_labels(config.statsd.tag_labels),
      export_unmatched(config.statsd.unmatched == UnmatchedLines::kExport) {
  for (const InstanceConfig& instance : config.instances) {
    known_names.insert(instance.proc_name);
    const std::string_view prefix = WithoutLastDots(instance.statsd_prefix);
    if (!prefix.empty()) app_of_prefix.emplace(prefix, instance.proc_name);
  }
  for (const AppId& app : known) known_names.insert(app.name);
}

AppResolver::AppResolver(Naming naming, CarriedNames& carried)
    : naming_(std::move(naming)),
      carried_(carried),
      default_{{naming_.default_app, {}}} {}

void AppResolver::SetNaming(Naming naming) {
  naming_ = std::move(naming);
  default_ = SeriesRef{{naming_.default_app, {}}};
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
  last_tags_.clear();
  last_prefix_.clear();
}

NamedApp* AppResolver::FindByName(std::string_view tags,
                                  std::string_view prefix) {
  NamedApp* tagged = nullptr;
  if (const std::string_view name = TagValue(tags, "app"); !name.empty()) {
    tagged = &FindTag(name);
    if (tagged->is_known) return tagged;
  }
  if (Stripped(prefix).empty()) return tagged;
  NamedApp& prefixed = FindPrefix(prefix);
  return tagged == nullptr || prefixed.is_known ? &prefixed : tagged;
}

NamedApp& AppResolver::FindTag(std::string_view name) {
  NamedApp* const found = by_tag_.Find(name);
  if (found != nullptr) return *found;
  return by_tag_.Insert(name, MakeNamed(std::string(name), CarriedTag(name)));
}

NamedApp& AppResolver::FindPrefix(std::string_view prefix) {
  NamedApp* const found = by_prefix_.Find(prefix);
  if (found != nullptr) return *found;
  const auto instance = naming_.app_of_prefix.find(prefix);
  const std::string name = instance != naming_.app_of_prefix.end()
                               ? instance->second
                               : std::string(prefix);
  NamedApp& made =
      by_prefix_.Insert(prefix, MakeNamed(name, CarriedPrefix(prefix)));
  // Through an instance's statsd_prefix: it is a known app.
  if (name != prefix) carried_.Tell(made.ref.key.app, made.carried);
  return made;
}

NamedApp AppResolver::MakeNamed(std::string name, std::string carried) const {
  const bool is_known = naming_.known_names.contains(name);
  return {{{{std::move(name), "", ""}, {}}}, is_known, std::move(carried)};
}

SeriesRef& AppResolver::WithTags(const SeriesRef& app, std::string_view tags) {
  constexpr char kPart = '\xFF';  // Not in UTF-8.
  scratch_ = app.key.app.name;
  scratch_ += kPart;
  scratch_ += app.key.app.pod_uid;
  scratch_ += kPart;
  scratch_ += app.key.app.container_id;
  for (const std::string& key : naming_.tag_labels) {
    scratch_ += kPart;
    scratch_ += TagValue(tags, key);
  }
  SeriesRef* const known = with_tags_.Find(scratch_);
  if (known != nullptr) return *known;
  SeriesRef added{{app.key.app, {}}};
  for (const std::string& key : naming_.tag_labels) {
    const std::string_view value = TagValue(tags, key);
    if (!value.empty()) added.key.tags.push_back({key, std::string(value)});
  }
  return with_tags_.Insert(scratch_, std::move(added));
}

}  // namespace gunicorn_exporter
