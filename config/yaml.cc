#include "config/yaml.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "config/base/config_error.h"
#include "config/base/number.h"
#include "config/base/utf8.h"
#include "config/duration.h"
#include "config/yaml_check.h"

namespace gunicorn_exporter {
namespace {

// As deep as yaml-cpp nests without aliases.
constexpr std::size_t kMaxDepth = 500;

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), lines.back().size() + 1));
  }
  return lines;
}

// The line, from 1, of a list's item, which is that of its dash. The parser
// marks (from 0) where the value begins, which may be lines below, for an empty
// item at the next token:
//
//     -
//       tags: []
//       ^
int FindItemLine(const std::vector<std::string_view>& lines,
                 const YAML::Mark& mark) {
  const auto line = static_cast<std::size_t>(LineOf(mark)) - 1;
  const auto column = static_cast<std::size_t>(std::max(mark.column, 0));
  if (line < lines.size() && lines[line].substr(0, column).find_first_not_of(
                                 " \t") != std::string_view::npos) {
    return LineOf(mark);
  }
  for (std::size_t above = std::min(line, lines.size()); above > 0; --above) {
    // Without its comment. Good enough to see a lonely dash: a "#" inside of
    // quotes is cut, too.
    std::string_view code = lines[above - 1];
    code = code.substr(0, code.find('#'));
    code = code.substr(0, code.find_last_not_of(" \t\r") + 1);
    if (code.ends_with('-')) return static_cast<int>(above);
    if (!code.empty()) break;
  }
  return LineOf(mark);
}

// As std::from_chars reads it, a plus sign in front too.
template <typename T>
std::optional<T> ParseYamlNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  // "inf" and "nan" are words in YAML.
  if (text.find_first_of("0123456789") == text.npos) return std::nullopt;
  return ParseNumber<T>(text);
}

// YAML 1.1, as both agents' parsers read it.
std::optional<bool> ParseBool(const std::string& text) {
  static constexpr std::string_view kTrue[] = {
      "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
  static constexpr std::string_view kFalse[] = {
      "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};
  const auto is_text = [&](std::string_view word) { return word == text; };
  if (std::any_of(std::begin(kTrue), std::end(kTrue), is_text)) return true;
  if (std::any_of(std::begin(kFalse), std::end(kFalse), is_text)) return false;
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

bool IsIndentedByTab(const std::vector<std::string_view>& lines, int line) {
  const auto index = static_cast<std::size_t>(line) - 1;
  if (index >= lines.size()) return false;
  const std::string_view text = lines[index];
  return text.substr(0, text.find_first_not_of(" \t")).find('\t') !=
         std::string_view::npos;
}

}  // namespace

YamlValue YamlValue::Parse(const std::string& text, YamlFile& file) {
  if (text.size() > kMaxYamlBytes) {
    throw ConfigError(file.name +
                      ": larger than 1 MiB; expected a configuration");
  }
  file.lines = SplitLines(text);
  CheckCharacters(file.lines, file.name);
  // yaml-cpp takes a newline at the end for the quote that is missing there.
  const std::string code = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  try {
    CheckIsOneDocument(code, file.name);
    const YAML::Node node = YAML::Load(code);
    YamlValue root(node, LineOf(node.Mark()), "", file);
    std::vector<const YamlValue*> outer;
    root.CountValues(outer);
    root.CheckKeys();
    return root;
  } catch (const YAML::Exception& error) {
    const int line = LineOf(error.mark);
    FailConfig(file.name, line, "",
               IsIndentedByTab(file.lines, line)
                   ? "a tab before the text; expected blanks"
                   : error.msg + "; expected YAML");
  }
}

// With every alias written out; throws where that is too much, or endless.
// `outer`: the values around this one.
std::size_t YamlValue::CountValues(std::vector<const YamlValue*>& outer) const {
  if (outer.size() == kMaxDepth) {
    for (const YamlValue* const value : outer) {
      if (!value->node_.is(node_)) continue;
      FailConfig(file_->name, LineOf(node_.Mark()), "",
                 "an alias inside of its own anchor");
    }
    FailConfig(file_->name, line_, "",
               "more than " + std::to_string(kMaxDepth) +
                   " values inside of one another");
  }
  outer.push_back(this);
  std::size_t count = 1;
  std::size_t index = 0;
  for (const auto& child : node_) {
    const YamlValue value =
        node_.IsSequence()
            ? Item(child, index++)
            : YamlValue(child.second, LineOf(child.second.Mark()),
                        Join(path_, child.first.Scalar()), *file_);
    count += value.CountValues(outer);
    if (count > kMaxYamlValues) {
      value.Fail("more than " + std::to_string(kMaxYamlValues) +
                 " values with every alias written out");
    }
  }
  outer.pop_back();
  return count;
}

void YamlValue::CheckKeys() const {
  if (node_.IsSequence()) {
    for (const YamlValue& item : Items()) item.CheckKeys();
  } else if (node_.IsMap()) {
    for (const auto& entry : Entries()) entry.second.CheckKeys();
  }
}

void YamlValue::Fail(const std::string& problem) const {
  FailConfig(file_->name, line_, path_, problem);
}

void YamlValue::FailAt(std::string_view key, const std::string& problem) const {
  const auto value = Find(key);
  FailConfig(file_->name, value ? value->line_ : line_, Join(path_, key),
             problem);
}

void YamlValue::FailUnknown(const std::vector<std::string_view>& known) const {
  const std::string key = path_.substr(path_.rfind('.') + 1);
  std::string_view nearest;
  // A slip of one or two letters, less in short words.
  std::size_t least = std::min<std::size_t>(3, key.size() / 2 + 1);
  std::string expected;
  for (const std::string_view candidate : known) {
    expected += (expected.empty() ? "" : ", ") + std::string(candidate);
    if (key.size() >= 64) continue;
    const std::size_t distance = EditDistance(key, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  if (!nearest.empty()) {
    Fail("unknown key; did you mean " + Quoted(nearest) + "?");
  }
  Fail("unknown key; expected one of " + expected);
}

void YamlValue::Notice(std::string message) const {
  file_->notices.push_back({file_->name, line_, path_, std::move(message)});
}

std::string YamlValue::Describe() const {
  if (node_.IsScalar()) return Quoted(node_.Scalar());
  if (node_.IsSequence()) return "a list";
  return node_.IsMap() ? "a mapping" : "null";
}

bool YamlValue::IsPlain() const {
  // A plain scalar's tag is "?", a quoted one's "!"; !!str says text too.
  const std::string& tag = node_.Tag();
  return node_.IsScalar() && tag != "!" && !tag.ends_with(":str");
}

std::string YamlValue::String() const {
  std::string text = Text();
  if (IsPlain() && (ParseBool(text) || ParseYamlNumber<double>(text))) {
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
  if (!node_.IsScalar()) {
    Fail(Describe() + " is not a string; expected a string");
  }
  return node_.Scalar();
}

bool YamlValue::Bool() const {
  if (IsPlain()) {
    if (const auto value = ParseBool(node_.Scalar())) return *value;
  }
  Fail(Describe() + " is not a boolean; expected true or false");
}

std::int64_t YamlValue::Integer(std::int64_t min, std::int64_t max) const {
  std::string expected = "; expected a whole number ";
  expected +=
      max == std::numeric_limits<std::int64_t>::max()
          ? "of at least " + std::to_string(min)
          : "from " + std::to_string(min) + " to " + std::to_string(max);
  if (!IsPlain() || !ParseYamlNumber<double>(node_.Scalar())) {
    Fail(Describe() + " is not a number" + expected);
  }
  const auto value = ParseYamlNumber<std::int64_t>(node_.Scalar());
  if (!value) Fail(Describe() + " is not such a number" + expected);
  if (*value < min || *value > max) {
    Fail(Describe() + " is out of range" + expected);
  }
  return *value;
}

double YamlValue::Number() const {
  if (IsPlain()) {
    const auto value = ParseYamlNumber<double>(node_.Scalar());
    if (value && std::isfinite(*value)) return *value;
  }
  Fail(Describe() + " is not a finite number; expected a number such as 0.5");
}

std::chrono::milliseconds YamlValue::Duration() const {
  std::string problem = " is not a duration";
  if (node_.IsScalar()) {
    if (const auto value = ParseDuration(node_.Scalar())) return *value;
    if (ParseYamlNumber<double>(node_.Scalar())) {
      problem = " is a number without a unit";
    }
  }
  Fail(Describe() + problem + "; write for example \"300s\" or \"5m\"");
}

std::chrono::milliseconds YamlValue::DurationAboveZero() const {
  const std::chrono::milliseconds value = Duration();
  if (value.count() == 0) {
    Fail(Describe() + " is no interval; expected a duration above 0");
  }
  return value;
}

YamlValue YamlValue::Item(const YAML::Node& node, std::size_t index) const {
  return {node, FindItemLine(file_->lines, node.Mark()),
          path_ + "[" + std::to_string(index) + "]", *file_};
}

std::vector<YamlValue> YamlValue::Items() const {
  std::vector<YamlValue> items;
  if (IsNull()) return items;
  if (!node_.IsSequence()) {
    Fail(Describe() + " is not a list; expected a list");
  }
  for (const YAML::Node& node : node_) {
    items.push_back(Item(node, items.size()));
  }
  return items;
}

std::vector<std::pair<std::string_view, YamlValue>> YamlValue::Entries() const {
  std::vector<std::pair<std::string_view, YamlValue>> entries;
  if (IsNull()) return entries;
  if (!node_.IsMap()) {
    Fail(Describe() + " is not a mapping; expected \"key: value\"");
  }
  std::unordered_map<std::string_view, int> key_lines;
  std::optional<YamlValue> merged;  // Of "<<".
  for (const auto& entry : node_) {
    const int line = LineOf(entry.first.Mark());
    if (!entry.first.IsScalar()) {
      FailConfig(file_->name, line, path_,
                 "a key that is no text; expected a name");
    }
    const std::string_view key = entry.first.Scalar();
    const YamlValue value(entry.second, line, Join(path_, key), *file_);
    const auto [earlier, is_new] = key_lines.emplace(key, line);
    if (!is_new) {
      value.Fail("duplicate key; it stands in line " +
                 std::to_string(earlier->second) + " already");
    }
    if (key == "<<") {
      merged.emplace(value);
    } else {
      entries.emplace_back(key, value);
    }
  }
  if (!merged) return entries;
  // The entries that the map does not have itself.
  const auto merge = [&](const YAML::Node& map) {
    if (!map.IsMap()) {
      FailConfig(file_->name, merged->line_, path_,
                 "\"<<\" of something else than a mapping; expected an alias "
                 "of a mapping");
    }
    for (const auto& entry : YamlValue(map, line_, path_, *file_).Entries()) {
      const auto& [key, value] = entry;
      if (key_lines.emplace(key, value.line_).second) entries.push_back(entry);
    }
  };
  if (merged->node_.IsSequence()) {
    for (const YAML::Node& map : merged->node_) merge(map);
  } else {
    merge(merged->node_);
  }
  return entries;
}

std::optional<YamlValue> YamlValue::Find(std::string_view key) const {
  for (auto& [name, value] : Entries()) {
    if (name == key) return value;
  }
  return std::nullopt;
}

YamlValue YamlValue::At(std::string_view key) const {
  if (const auto value = Find(key)) return *value;
  FailAt(key, "is missing");
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kMaxBytes = 80;
  if (text.size() <= kMaxBytes) return "\"" + std::string(text) + "\"";
  // Cut between two characters, not inside of one.
  std::size_t end = kMaxBytes;
  while (end < text.size() && IsUtf8Continuation(text[end])) ++end;
  const std::string_view cut = text.substr(0, end);
  return "\"" + std::string(cut) + (end < text.size() ? "...\"" : "\"");
}

}  // namespace gunicorn_exporter
