#include "config/yaml_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "config/duration.h"

namespace gunicorn_exporter {
namespace {

// The whole text as a number; empty where it is none.
template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  // from_chars also takes "inf" and "nan", which in YAML are words.
  if (text.empty() || text.find_first_of("0123456789") == text.npos) {
    return std::nullopt;
  }
  T value{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

// YAML 1.1, as both agents' parsers read it.
std::optional<bool> ParseBool(const std::string& text) {
  static constexpr std::string_view kTrue[] = {
      "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
  static constexpr std::string_view kFalse[] = {
      "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};
  if (std::find(std::begin(kTrue), std::end(kTrue), text) != std::end(kTrue)) {
    return true;
  }
  if (std::find(std::begin(kFalse), std::end(kFalse), text) !=
      std::end(kFalse)) {
    return false;
  }
  return std::nullopt;
}

// Levenshtein's distance: letters to add, drop or change.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min(
          {diagonal + (a[i] == b[j] ? 0U : 1U), above + 1, row[j] + 1});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string Join(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

}  // namespace

void YamlValue::Fail(const std::string& problem) const {
  FailConfig(*file_, line_, path_, problem);
}

void YamlValue::FailAt(std::string_view key, const std::string& problem) const {
  YamlValue(*node_, line_, Join(path_, key), *file_, *notices_).Fail(problem);
}

void YamlValue::Notice(std::string message) const {
  notices_->push_back({*file_, line_, path_, std::move(message)});
}

std::string YamlValue::Describe() const {
  switch (node_->kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return Quoted(node_->text);
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a mapping";
  }
  return "";
}

std::string YamlValue::String() const {
  if (node_->kind != YamlNode::Kind::kScalar) {
    Fail(Describe() + " is not a string; expected a string");
  }
  const std::string& text = node_->text;
  const bool is_boolean = text == "true" || text == "false";
  if (!node_->quoted && (is_boolean || ParseNumber<double>(text))) {
    Fail(text + " is not a string; write it in quotes: " + Quoted(text));
  }
  return text;
}

std::string YamlValue::NonEmptyString() const {
  std::string text = String();
  if (text.empty()) Fail("\"\" is empty; expected a string");
  return text;
}

std::string YamlValue::Text() const {
  if (node_->kind != YamlNode::Kind::kScalar) {
    Fail(Describe() + " is not a string; expected a string");
  }
  return node_->text;
}

bool YamlValue::Bool() const {
  if (node_->kind == YamlNode::Kind::kScalar && !node_->quoted) {
    if (const auto value = ParseBool(node_->text)) return *value;
  }
  Fail(Describe() + " is not a boolean; expected true or false");
}

std::int64_t YamlValue::Integer(std::int64_t min, std::int64_t max) const {
  std::string expected = "expected a whole number of at least ";
  expected += std::to_string(min);
  if (max != std::numeric_limits<std::int64_t>::max()) {
    expected = "expected a whole number from " + std::to_string(min) + " to " +
               std::to_string(max);
  }
  if (node_->kind != YamlNode::Kind::kScalar || node_->quoted ||
      !ParseNumber<double>(node_->text)) {
    Fail(Describe() + " is not a number; " + expected);
  }
  const auto value = ParseNumber<std::int64_t>(node_->text);
  if (!value) Fail(Describe() + " is not such a number; " + expected);
  if (*value < min || *value > max) {
    Fail(Describe() + " is out of range; " + expected);
  }
  return *value;
}

double YamlValue::Number() const {
  if (node_->kind == YamlNode::Kind::kScalar && !node_->quoted) {
    const auto value = ParseNumber<double>(node_->text);
    if (value && std::isfinite(*value)) return *value;
  }
  Fail(Describe() + " is not a finite number; expected a number such as 0.5");
}

std::chrono::milliseconds YamlValue::Duration() const {
  static constexpr std::string_view kExpected =
      "; write for example \"300s\" or \"5m\"";
  if (node_->kind != YamlNode::Kind::kScalar) {
    Fail(Describe() + " is not a duration" + std::string(kExpected));
  }
  const auto value = ParseDuration(node_->text);
  if (value) return *value;
  if (ParseNumber<double>(node_->text)) {
    Fail(Describe() + " is a number without a unit" + std::string(kExpected));
  }
  Fail(Describe() + " is not a duration" + std::string(kExpected));
}

std::chrono::milliseconds YamlValue::DurationAboveZero() const {
  const std::chrono::milliseconds value = Duration();
  if (value.count() == 0) {
    Fail(Describe() + " is no interval; expected a duration above 0");
  }
  return value;
}

std::vector<YamlValue> YamlValue::Items() const {
  std::vector<YamlValue> items;
  if (IsNull()) return items;
  if (node_->kind != YamlNode::Kind::kList) {
    Fail(Describe() + " is not a list; expected a list");
  }
  for (const YamlNodePtr& item : node_->items) {
    std::string path = path_ + "[" + std::to_string(items.size()) + "]";
    items.push_back(
        YamlValue(*item, item->line, std::move(path), *file_, *notices_));
  }
  return items;
}

std::vector<std::pair<std::string_view, YamlValue>> YamlValue::Entries() const {
  std::vector<std::pair<std::string_view, YamlValue>> entries;
  if (IsNull()) return entries;
  if (node_->kind != YamlNode::Kind::kMap) {
    Fail(Describe() + " is not a mapping; expected \"key: value\"");
  }
  for (const YamlEntry& entry : node_->entries) {
    entries.emplace_back(
        entry.key, YamlValue(*entry.value, entry.line, Join(path_, entry.key),
                             *file_, *notices_));
  }
  return entries;
}

YamlValue YamlValue::At(std::string_view key) const {
  for (auto& [name, value] : Entries()) {
    if (name == key) return value;
  }
  FailAt(key, "is missing");
}

void YamlValue::FailUnknown(const std::vector<std::string_view>& known) const {
  const std::string key = path_.substr(path_.rfind('.') + 1);
  std::string_view nearest;
  // A slip of one or two letters, less in short words.
  std::size_t least = std::min<std::size_t>(3, key.size() / 2 + 1);
  if (key.size() < 64) {
    for (const std::string_view candidate : known) {
      const std::size_t distance = EditDistance(key, candidate);
      if (distance < least) {
        least = distance;
        nearest = candidate;
      }
    }
  }
  if (!nearest.empty()) {
    Fail("unknown key; did you mean " + Quoted(nearest) + "?");
  }
  std::string expected;
  for (const std::string_view candidate : known) {
    expected += (expected.empty() ? "" : ", ") + std::string(candidate);
  }
  Fail("unknown key; expected one of " + expected);
}

}  // namespace gunicorn_exporter
