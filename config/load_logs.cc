#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "config/load_sections.h"
#include "config/python_format.h"

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kOtherTypes[] = {
    "containerd",     "docker", "integration",   "journald",
    "string_channel", "tcp",    "windows_event", "udp"};
constexpr std::string_view kOtherRules[] = {
    "exclude_at_match", "exclude_truncated", "include_at_match",
    "mask_sequences"};

// An expression that RE2 takes; Go's, which the agent uses, has its syntax.
// Returns the numbers of its groups by their names.
std::map<std::string, int> CheckPattern(const YamlValue& value,
                                        const std::string& text) {
  const re2::RE2 compiled(text, re2::RE2::Quiet);
  if (!compiled.ok()) {
    value.Fail(Quoted(text) + " does not compile: " + compiled.error() +
               "; expected a regular expression of RE2's syntax");
  }
  return compiled.NamedCapturingGroups();
}

// That of a line, which may be a format of Python's, and names what it needs.
std::string LinePattern(const YamlValue& value,
                        std::string (*to_pattern)(std::string_view),
                        const std::string& group, std::string_view missing) {
  const std::string text = value.NonEmptyString();
  std::string pattern = text;
  try {
    if (IsPythonFormat(text)) pattern = to_pattern(text);
  } catch (const std::invalid_argument& error) {
    value.Fail(Quoted(text) + " is no format: " + error.what());
  }
  if (!CheckPattern(value, pattern).contains(group))
    value.Fail(Quoted(text) + std::string(missing));
  return pattern;
}

double UnitSeconds(const YamlValue& value) {
  const std::string text = value.String();
  if (text == "seconds") return 1;
  if (text == "milliseconds") return 1e-3;
  if (text == "microseconds") return 1e-6;
  value.Fail(Quoted(text) +
             " is not a unit; expected \"seconds\" (%(T)s, %(L)s), "
             "\"milliseconds\" (%(M)s) or \"microseconds\" (%(D)s)");
}

// One of log_processing_rules.
struct Rule {
  std::string type;
  std::string name;
  std::string pattern;
};

constexpr KeyRule<Rule> kRuleKeys[] = {
    {"type",
     [](const YamlValue& value, Rule& rule) {
       rule.type = value.String();
       if (rule.type != "multi_line" &&
           std::ranges::find(kOtherRules, rule.type) == std::end(kOtherRules)) {
         value.Fail(Quoted(rule.type) +
                    " is not a type of rule; expected \"multi_line\"");
       }
     },
     "multi_line"},
    {"name", Set<&Rule::name, &YamlValue::String>},
    {"pattern",
     [](const YamlValue& value, Rule& rule) {
       rule.pattern = value.NonEmptyString();
       CheckPattern(value, rule.pattern);
     }},
    // Known only to the rules that have no meaning here; not worth a notice of
    // its own beside the rule's.
    {"replace_placeholder", [](const YamlValue&, Rule&) {}},
};

std::vector<MultiLineRule> LoadRules(const YamlValue& list) {
  std::vector<MultiLineRule> rules;
  for (const YamlValue& item : list.Items()) {
    Rule rule;
    ReadMap(item, kRuleKeys, rule);
    if (rule.type != "multi_line") {
      item.Notice("ignored: a rule of type " + Quoted(rule.type) +
                  " has no meaning here");
      continue;
    }
    if (rule.pattern.empty()) {
      item.FailAt("pattern",
                  "is missing; expected what a new message begins with");
    }
    rules.push_back({std::move(rule.name), std::move(rule.pattern)});
  }
  return rules;
}

// One of logs, before it is known to be a file.
struct Source {
  std::string type;
  LogSourceConfig config;
};

constexpr KeyRule<Source> kSourceKeys[] = {
    {"type",
     [](const YamlValue& value, Source& source) {
       source.type = value.String();
       if (source.type != "file" &&
           std::ranges::find(kOtherTypes, source.type) ==
               std::end(kOtherTypes)) {
         value.Fail(Quoted(source.type) +
                    " is not a type of log; expected \"file\"");
       }
     },
     "file"},
    {"path",
     [](const YamlValue& value, Source& source) {
       source.config.path = value.NonEmptyString();
     }},
    {"service", [](const YamlValue& value,
                   Source& source) { source.config.service = value.String(); }},
    {"source", [](const YamlValue& value,
                  Source& source) { source.config.source = value.String(); }},
    {"pattern",
     [](const YamlValue& value, Source& source) {
       source.config.pattern = LinePattern(
           value, AccessFormatToPattern, "status",
           " names no status; expected a group (?P<status>...), or %(s)s");
     }},
    {"error_pattern",
     [](const YamlValue& value, Source& source) {
       source.config.error_pattern =
           LinePattern(value, ErrorFormatToPattern, "level",
                       " names no level; expected a group (?P<level>...), or "
                       "%(levelname)s");
     }},
    {"duration_unit",
     [](const YamlValue& value, Source& source) {
       source.config.duration_unit_seconds = UnitSeconds(value);
     }},
    {"exclude_paths",
     [](const YamlValue& value, Source& source) {
       for (const YamlValue& item : value.Items()) {
         source.config.exclude_paths.push_back(item.NonEmptyString());
       }
     }},
    {"log_processing_rules",
     [](const YamlValue& value, Source& source) {
       source.config.multi_line = LoadRules(value);
     }},
    // The agents' own.
    {"auto_multi_line"},
    {"auto_multi_line_detection"},
    {"auto_multi_line_detection_custom_samples"},
    {"auto_multi_line_match_threshold"},
    {"auto_multi_line_sample_size"},
    {"channel_path"},
    {"config_id"},
    {"container_mode"},
    {"encoding"},
    {"exclude_matches"},
    {"exclude_units"},
    {"exclude_user_units"},
    {"fingerprint_config"},
    {"identifier"},
    {"idle_timeout"},
    {"image"},
    {"include_matches"},
    {"include_units"},
    {"include_user_units"},
    {"label"},
    {"name"},
    {"port"},
    {"process_raw_message"},
    {"query"},
    {"sourcecategory"},
    {"start_position"},
    {"tags"},
};

}  // namespace

std::vector<LogSourceConfig> LoadLogs(const YamlValue& section) {
  std::vector<LogSourceConfig> logs;
  for (const YamlValue& item : section.Items()) {
    Source source;
    ReadMap(item, kSourceKeys, source);
    if (source.type != "file") {
      item.Notice("ignored: a log of type " + Quoted(source.type) +
                  " is not read here");
      continue;
    }
    if (source.config.path.empty()) {
      item.FailAt("path", "is missing; expected the path of a file");
    }
    if (!source.config.pattern.empty() &&
        source.config.duration_unit_seconds > 0) {
      item.FailAt(
          "duration_unit",
          "stands beside pattern, which tells the unit itself; expected "
          "one of the two");
    }
    logs.push_back(std::move(source.config));
  }
  return logs;
}

}  // namespace gunicorn_exporter
