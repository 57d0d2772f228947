// A YAML file, value by value. A value knows where it stands: it reads as the
// type that the schema wants, or throws ConfigError with file, line and dotted
// path. A map is read by a table of its keys.
//
// Stricter than yaml-cpp: a duplicate key, a key that is no text, a second
// document, text that is not UTF-8, control characters, and aliases that unfold
// to too much or to themselves are errors. "<<" merges.
#pragma once

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load_config.h"

namespace gunicorn_exporter {

constexpr std::size_t kMaxYamlBytes = 1 << 20;
constexpr std::size_t kMaxYamlValues = 100'000;  // With aliases written out.

// What the values of one file share; outlives them.
struct YamlFile {
  std::string name;
  std::vector<std::string_view> lines = {};  // Views into the text.
  std::vector<ConfigNotice> notices = {};
};

class YamlValue {
 public:
  // The whole document, checked; a null for an empty text. `text` and `file`,
  // of which only the name is given, must outlive the value. Throws
  // ConfigError.
  static YamlValue Parse(const std::string& text, YamlFile& file);

  int line() const { return line_; }  // From 1: the key's, or the item's dash.
  const std::string& path() const { return path_; }  // "instances[0].tags"
  bool IsNull() const { return node_.IsNull(); }

  // Throws "FILE:LINE: PATH: problem".
  [[noreturn]] void Fail(const std::string& problem) const;
  // The same for a key of this map, at the map's line where it has no such key.
  [[noreturn]] void FailAt(std::string_view key,
                           const std::string& problem) const;
  // "unknown key", with the nearest of `known` where one is near.
  [[noreturn]] void FailUnknown(
      const std::vector<std::string_view>& known) const;
  // Reports something that is left out.
  void Notice(std::string message) const;

  // The value for a message: "\"5 min\"", "a list", "a mapping", "null".
  std::string Describe() const;

  // A plain number or boolean is not a string: it wants quotes.
  std::string String() const;
  std::string NonEmptyString() const;
  // A scalar as it is written, a number or a boolean too.
  std::string Text() const;
  bool Bool() const;
  std::int64_t Integer(std::int64_t min, std::int64_t max) const;
  // Finite; the caller knows the range.
  double Number() const;
  std::chrono::milliseconds Duration() const;  // 0 is one.
  std::chrono::milliseconds DurationAboveZero() const;
  // The items of a list; none where the value is null.
  std::vector<YamlValue> Items() const;
  // The keys of a map with their values; none where the value is null.
  std::vector<std::pair<std::string_view, YamlValue>> Entries() const;
  // The value of a key that the map has.
  YamlValue At(std::string_view key) const;

 private:
  YamlValue(const YAML::Node& node, int line, std::string path, YamlFile& file)
      : node_(node), line_(line), path_(std::move(path)), file_(&file) {}

  bool IsPlain() const;  // A scalar without quotes.
  std::optional<YamlValue> Find(std::string_view key) const;
  YamlValue Item(const YAML::Node& node, std::size_t index) const;
  std::size_t CountValues(std::vector<const YamlValue*>& outer) const;
  void CheckKeys() const;

  // Const, since assigning to a YAML::Node changes the tree.
  const YAML::Node node_;
  int line_;
  std::string path_;
  YamlFile* file_;
};

// Text for a message: in double quotes, cut when it is long.
std::string Quoted(std::string_view text);

// What one key of a map means for a Target.
template <typename Target>
struct KeyRule {
  std::string_view key;
  // Not called for a null, which leaves the default. Null: an agent's key
  // without a meaning here.
  void (*read)(const YamlValue& value, Target& target) = nullptr;
  std::string_view required = {};  // What is expected, where it must be there.
};

// For KeyRule::read: sets a field of the target to what a method of YamlValue,
// or a function of a YamlValue, returns.
template <auto field, auto read, typename Target>
void Set(const YamlValue& value, Target& target) {
  target.*field = std::invoke(read, value);
}

// Reads a map by its table, in the file's order; null is an empty map. An
// agent's key becomes a notice; an unknown, a missing or a null required key is
// an error.
template <typename Target, std::size_t N>
void ReadMap(const YamlValue& map, const KeyRule<Target> (&rules)[N],
             Target& target) {
  std::vector<std::string_view> seen;
  for (const auto& entry : map.Entries()) {
    const auto& [key, value] = entry;
    const auto rule = std::find_if(
        std::begin(rules), std::end(rules),
        [&](const KeyRule<Target>& r) { return r.key == entry.first; });
    if (rule == std::end(rules)) {
      std::vector<std::string_view> known;
      for (const KeyRule<Target>& r : rules) {
        if (r.read != nullptr) known.push_back(r.key);
      }
      value.FailUnknown(known);
    }
    seen.push_back(key);
    if (rule->read == nullptr) {
      value.Notice("ignored: has no meaning here");
    } else if (!value.IsNull()) {
      rule->read(value, target);
    } else if (!rule->required.empty()) {
      value.Fail("is null; expected " + std::string(rule->required));
    }
  }
  for (const KeyRule<Target>& rule : rules) {
    if (!rule.required.empty() &&
        std::find(seen.begin(), seen.end(), rule.key) == seen.end()) {
      map.FailAt(rule.key,
                 "is missing; expected " + std::string(rule.required));
    }
  }
}

}  // namespace gunicorn_exporter
