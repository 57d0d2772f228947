#include "collectors/logs/parse_json_line.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "collectors/logs/parse_access_line.h"
#include "collectors/logs/parse_error_line.h"
#include "collectors/logs/scan_text.h"

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::json;

// All keys as Plain() writes them, and the first ones before the later ones.
constexpr std::string_view kStatusKeys[] = {
    "status",     "statuscode",     "responsestatus",    "responsecode",
    "httpstatus", "httpstatuscode", "responsestatuscode"};
constexpr std::string_view kLevelKeys[] = {
    "level", "levelname", "severity", "loglevel", "severitytext", "levelno"};
constexpr std::string_view kMessageKeys[] = {"message", "msg", "event", "body"};
constexpr std::string_view kDurationKeys[] = {
    "duration",         "requesttime", "responsetime", "requestduration",
    "responseduration", "latency",     "elapsed",      "elapsedtime",
    "processtime",      "timetaken",   "took"};
constexpr std::pair<std::string_view, double> kUnits[] = {
    {"", 0},      {"ns", 1e-9},   {"nanoseconds", 1e-9},
    {"us", 1e-6}, {"usec", 1e-6}, {"microseconds", 1e-6},
    {"ms", 1e-3}, {"msec", 1e-3}, {"milliseconds", 1e-3},
    {"s", 1},     {"sec", 1},     {"seconds", 1}};
// gunicorn's own, the finest first.
constexpr std::pair<std::string_view, double> kAtoms[] = {
    {"D", 1e-6}, {"L", 1}, {"M", 1e-3}, {"T", 1}};
// Objects in which these keys mean the same.
constexpr std::string_view kObjects[] = {
    "http",   "httprequest", "request", "req",        "response", "res",
    "access", "extra",       "record",  "attributes", "fields",   "context",
    "data",   "log",         "event",   "level"};
constexpr int kMaxDepth = 4;

struct Field {
  std::string key;  // As it is written, without the objects around it.
  std::string plain;
  bool is_of_event = false;
  const Json* value = nullptr;
  int depth = 0;
};

// "status_code", "statusCode" and "Status-Code" are "statuscode".
std::string Plain(std::string_view key) {
  std::string plain;
  for (const char c : key) {
    if (c == '_' || c == '-') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

template <std::size_t N>
std::size_t RankIn(const std::string_view (&list)[N], std::string_view text) {
  return static_cast<std::size_t>(
      std::find(std::begin(list), std::end(list), text) - std::begin(list));
}

// The fields of the object, then those of the objects in it, and so on.
std::vector<Field> ListFields(const Json& root) {
  std::vector<Field> fields;
  std::vector<Field> objects = {{"", "", false, &root, 0}};
  for (int depth = 0; depth < kMaxDepth && !objects.empty(); ++depth) {
    std::vector<Field> inner;
    for (const Field& object : objects) {
      for (const auto& [name, value] : object.value->items()) {
        std::string_view key = name;
        std::string parent = object.plain;
        bool is_known = true;
        while (is_known && key.find('.') != key.npos) {
          parent = Plain(TakeUntil(key, '.'));
          is_known = RankIn(kObjects, parent) < std::size(kObjects);
        }
        if (!is_known) continue;
        Field field{std::string(key), Plain(key), parent == "event", &value,
                    depth};
        // loguru: "level": {"name": "INFO", "no": 20}
        if (parent == "level" && key == "name") field.plain = "levelname";
        if (!value.is_object()) {
          fields.push_back(std::move(field));
        } else if (RankIn(kObjects, field.plain) < std::size(kObjects)) {
          inner.push_back(std::move(field));
        }
      }
    }
    objects = std::move(inner);
  }
  return fields;
}

std::string TextOf(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() ? value.dump() : "";
}

bool IsText(std::string_view text) { return !text.empty(); }

// "404", "404 Not Found"
bool IsCode(std::string_view text) {
  return HasShape(text, "999") && (text.size() == 3 || text[3] == ' ');
}

// The outermost whose value `is_wanted`; of several there the list's first.
template <std::size_t N>
std::string Find(const std::vector<Field>& fields,
                 const std::string_view (&keys)[N],
                 bool (*is_wanted)(std::string_view) = IsText) {
  std::string best;
  std::size_t best_rank = N;
  int best_depth = kMaxDepth;
  for (const Field& field : fields) {
    const std::size_t rank = RankIn(keys, field.plain);
    if (rank >= best_rank || field.depth > best_depth) continue;
    std::string text = TextOf(*field.value);
    if (!is_wanted(text)) continue;
    best = std::move(text);
    best_rank = rank;
    best_depth = field.depth;
  }
  return best;
}

std::string FindStatus(const Json& root, const std::vector<Field>& fields) {
  std::string status = Find(fields, kStatusKeys, IsCode);
  if (!status.empty()) return status.substr(0, 3);
  const auto atom = root.find("s");
  if (atom != root.end()) status = TextOf(*atom);
  if (IsCode(status)) return status.substr(0, 3);
  const std::string other = Find(fields, kStatusKeys);
  return other.empty() ? status : other;
}

std::string FindRecordLevel(const Json& root,
                            const std::vector<Field>& fields) {
  std::string level = Find(fields, kLevelKeys);
  const auto status = root.find("status");
  if (!level.empty() || status == root.end()) return level;
  level = TextOf(*status);
  // A number is no level here.
  const bool is_level =
      !level.empty() && !IsDigit(level[0]) && FindLevel(level).has_value();
  return is_level ? level : "";
}

// A number, or its text; empty where it is neither or cannot be a duration.
std::optional<double> Number(const Json& value) {
  if (value.is_string())
    return ParseLogDecimal(value.get_ref<const std::string&>());
  if (!value.is_number()) return std::nullopt;
  const auto number = value.get<double>();
  if (!std::isfinite(number) || number < 0) return std::nullopt;
  return number;
}

// The unit of a duration's key; 0: it has none. Empty: the key is no
// duration's.
//
//     durationinms
//     ^^^^^^^^  ^^
std::optional<double> UnitOf(std::string_view key) {
  for (const std::string_view name : kDurationKeys) {
    std::string_view unit = key;
    if (!TakeText(unit, name)) continue;
    TakeText(unit, "in");
    for (const auto& [text, seconds] : kUnits) {
      if (unit == text) return seconds;
    }
  }
  return std::nullopt;
}

void ReadDuration(const Field& field, double unit_seconds, JsonRecord& record) {
  auto unit = UnitOf(field.plain);
  if (!unit) return;
  const Json& value = *field.value;
  // Elastic's event.duration.
  if (*unit == 0 && field.is_of_event) *unit = 1e-9;
  if (*unit == 0) *unit = unit_seconds;
  if (*unit == 0 && value.is_number_float()) *unit = 1;
  const auto number = Number(value);
  if (number && *unit > 0) {
    record.duration_seconds = *number * *unit;
  } else if (value.is_string()) {
    record.duration_seconds =
        ParseLogSeconds(value.get_ref<const std::string&>());
  }
  if (record.duration_seconds) return;
  const std::string text = TextOf(value);
  if (!text.empty() && IsDigit(text[0])) record.has_unread_duration = true;
}

}  // namespace

std::optional<JsonRecord> ParseJsonRecord(std::string_view text,
                                          double unit_seconds) {
  const Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return std::nullopt;
  const std::vector<Field> fields = ListFields(root);
  JsonRecord record;
  record.status = FindStatus(root, fields);
  record.level = FindRecordLevel(root, fields);
  record.message = Find(fields, kMessageKeys);
  for (const auto& [key, seconds_of_one] : kAtoms) {
    const auto found = root.find(key);
    if (found == root.end()) continue;
    const auto number = Number(*found);
    if (!number) continue;
    record.duration_seconds = *number * seconds_of_one;
    return record;
  }
  for (const Field& field : fields) {
    ReadDuration(field, unit_seconds, record);
    if (!record.duration_seconds) continue;
    record.has_unread_duration = false;
    break;
  }
  return record;
}

}  // namespace gunicorn_exporter
