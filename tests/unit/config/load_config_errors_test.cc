// What a bad configuration file is told: exactly one line.
#include <gtest/gtest.h>

#include <string>

#include "config/base/config_error.h"
#include "config/load_config.h"

namespace gunicorn_exporter {
namespace {

std::string ErrorOf(const std::string& text) {
  try {
    ParseConfig(text, "c.yml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "none";
}

struct BadFile {
  const char* text;
  const char* error;
};

class LoadConfigErrors : public testing::TestWithParam<BadFile> {};

TEST_P(LoadConfigErrors, NamesFileLineAndKey) {
  EXPECT_EQ(ErrorOf(GetParam().text), GetParam().error) << GetParam().text;
}

constexpr BadFile kKeys[] = {
    {"statsd:\n  series_tll: 5m\n",
     "c.yml:2: statsd.series_tll: unknown key; did you mean \"series_ttl\"?"},
    {"instance: []\n",
     "c.yml:1: instance: unknown key; did you mean \"instances\"?"},
    {"web: {}\n",
     "c.yml:1: web: unknown key; expected one of init_config, instances, logs, "
     "discovery, process, statsd"},
    {"process:\n  interval: 1s\n",
     "c.yml:2: process.interval: unknown key; expected one of "
     "sample_interval, per_worker, pod_labels, upstreams"},
    {"instances:\n  - proc_name: a\n    tag: [x]\n",
     "c.yml:3: instances[0].tag: unknown key; did you mean \"tags\"?"},
    {"init_config: {x: 1}\n",
     "c.yml:1: init_config.x: unknown key; expected one of gunicorn"},
    {"\nstatsd:\n  max_series: 1\n  unmatched: drop\n  max_series: 2\n",
     "c.yml:5: statsd.max_series: duplicate key; it stands in line 3 already"},
    {"statsd: {}\nstatsd: {}\n",
     "c.yml:2: statsd: duplicate key; it stands in line 1 already"},
    {"instances:\n  - proc_name: a\n    metric_patterns:\n      include: []\n"
     "      include: []\n",
     "c.yml:5: instances[0].metric_patterns.include: duplicate key; it stands "
     "in line 4 already"},
    {"5: x\n",
     "c.yml:1: 5: unknown key; expected one of init_config, instances, logs, "
     "discovery, process, statsd"},
    {"? [a]\n: b\n", "c.yml:1: yaml: a key that is no text; expected a name"},
    {"statsd:\n  ? {a: b}\n  : 1\n",
     "c.yml:2: statsd: a key that is no text; expected a name"},
};
INSTANTIATE_TEST_SUITE_P(Keys, LoadConfigErrors, testing::ValuesIn(kKeys));

constexpr BadFile kAddresses[] = {
    {"instances:\n  - {proc_name: a, bind: [\"8000\"]}\n",
     "c.yml:2: instances[0].bind[0]: \"8000\" is no address; expected as "
     "gunicorn's --bind has it, \"127.0.0.1:8000\" or "
     "\"unix:/run/my_app.sock\""},
    {"instances:\n  - {proc_name: a, bind: [\"unix://\"]}\n",
     "c.yml:2: instances[0].bind[0]: \"unix://\" has no path; expected as "
     "gunicorn's --bind has it, \"127.0.0.1:8000\" or "
     "\"unix:/run/my_app.sock\""},
    {"instances:\n  - {proc_name: a, bind: [\"web.example:80\"]}\n",
     "c.yml:2: instances[0].bind[0]: \"web.example:80\" names a host; "
     "expected its address, which the kernel's tables show"},
};
INSTANTIATE_TEST_SUITE_P(Addresses, LoadConfigErrors,
                         testing::ValuesIn(kAddresses));

constexpr BadFile kTypes[] = {
    {"just text\n",
     "c.yml:1: yaml: \"just text\" is not a mapping; expected \"key: value\""},
    {"- a\n",
     "c.yml:1: yaml: a list is not a mapping; expected \"key: value\""},
    {"\nstatsd: 5\n",
     "c.yml:2: statsd: \"5\" is not a mapping; expected \"key: value\""},
    {"instances: {proc_name: a}\n",
     "c.yml:1: instances: a mapping is not a list; expected a list"},
    {"instances:\n  - a\n",
     "c.yml:2: instances[0]: \"a\" is not a mapping; expected \"key: value\""},
    {"statsd:\n  default_app: [a]\n",
     "c.yml:2: statsd.default_app: a list is not a string; expected a string"},
    {"statsd:\n  default_app: 5\n",
     "c.yml:2: statsd.default_app: 5 is not a string; write it in quotes: "
     "\"5\""},
    {"statsd:\n  default_app: true\n",
     "c.yml:2: statsd.default_app: true is not a string; write it in quotes: "
     "\"true\""},
    {"statsd:\n  default_app: Off\n",
     "c.yml:2: statsd.default_app: Off is not a string; write it in quotes: "
     "\"Off\""},
    {"process:\n  per_worker: maybe\n",
     "c.yml:2: process.per_worker: \"maybe\" is not a boolean; expected true "
     "or false"},
    {"process:\n  per_worker: 1\n",
     "c.yml:2: process.per_worker: \"1\" is not a boolean; expected true or "
     "false"},
    {"process:\n  per_worker: \"true\"\n",
     "c.yml:2: process.per_worker: \"true\" is not a boolean; expected true or "
     "false"},
    {"statsd:\n  max_series: many\n",
     "c.yml:2: statsd.max_series: \"many\" is not a number; expected a whole "
     "number of at least 1"},
    {"statsd:\n  max_series: '100'\n",
     "c.yml:2: statsd.max_series: \"100\" is not a number; expected a whole "
     "number of at least 1"},
    {"statsd:\n  max_series: 1.5\n",
     "c.yml:2: statsd.max_series: \"1.5\" is not such a number; expected a "
     "whole number of at least 1"},
    {"statsd:\n  quantiles: 0.5\n",
     "c.yml:2: statsd.quantiles: \"0.5\" is not a list; expected a list"},
    {"statsd:\n  quantiles: [0.5, high]\n",
     "c.yml:2: statsd.quantiles[1]: \"high\" is not a finite number; expected "
     "a number such as 0.5"},
    {"instances:\n  - proc_name: a\n    tags: env:prod\n",
     "c.yml:3: instances[0].tags: \"env:prod\" is not a list; expected a "
     "list"},
    {"instances:\n  - proc_name: a\n    tags:\n      - env: prod\n",
     "c.yml:4: instances[0].tags[0]: a mapping is not a string; expected a "
     "string"},
    {"instances:\n  - proc_name: a\n    tags:\n      -\n",
     "c.yml:4: instances[0].tags[0]: null is not a string; expected a string"},
};
INSTANTIATE_TEST_SUITE_P(Types, LoadConfigErrors, testing::ValuesIn(kTypes));

constexpr BadFile kRanges[] = {
    {"statsd:\n  series_ttl: 60\n",
     "c.yml:2: statsd.series_ttl: \"60\" is a number without a unit; write for "
     "example \"300s\" or \"5m\""},
    {"statsd:\n  series_ttl: 0\n",
     "c.yml:2: statsd.series_ttl: \"0\" is a number without a unit; write for "
     "example \"300s\" or \"5m\""},
    {"statsd:\n  series_ttl: 5 min\n",
     "c.yml:2: statsd.series_ttl: \"5 min\" is not a duration; write for "
     "example \"300s\" or \"5m\""},
    {"statsd:\n  series_ttl: -5s\n",
     "c.yml:2: statsd.series_ttl: \"-5s\" is not a duration; write for example "
     "\"300s\" or \"5m\""},
    {"statsd:\n  series_ttl: [5s]\n",
     "c.yml:2: statsd.series_ttl: a list is not a duration; write for example "
     "\"300s\" or \"5m\""},
    {"process:\n  sample_interval: 0s\n",
     "c.yml:2: process.sample_interval: \"0s\" is no interval; expected a "
     "duration above 0"},
    {"statsd:\n  quantile_window: 0m\n",
     "c.yml:2: statsd.quantile_window: \"0m\" is no interval; expected a "
     "duration above 0"},
    {"statsd:\n  max_series: 0\n",
     "c.yml:2: statsd.max_series: \"0\" is out of range; expected a whole "
     "number of at least 1"},
    {"statsd:\n  max_series: 99999999999999999999\n",
     "c.yml:2: statsd.max_series: \"99999999999999999999\" is not such a "
     "number; expected a whole number of at least 1"},
    {"instances:\n  - proc_name: my_app\n    threads: 0\n",
     "c.yml:3: instances[0].threads: \"0\" is out of range; expected a whole "
     "number from 1 to 1000000"},
    {"statsd:\n  native_histogram_schema: 9\n",
     "c.yml:2: statsd.native_histogram_schema: \"9\" is out of range; expected "
     "a whole number from -4 to 8"},
    {"statsd:\n  histogram_buckets: []\n",
     "c.yml:2: statsd.histogram_buckets: no bucket; expected at least one"},
    {"statsd:\n  histogram_buckets: [0, 1]\n",
     "c.yml:2: statsd.histogram_buckets[0]: \"0\" is not above 0; expected "
     "seconds"},
    {"statsd:\n  histogram_buckets:\n    - 1\n    - 0.5\n",
     "c.yml:4: statsd.histogram_buckets[1]: \"0.5\" is not above the bucket "
     "before it; expected ascending numbers"},
    {"statsd:\n  histogram_buckets: [1, .inf]\n",
     "c.yml:2: statsd.histogram_buckets[1]: \".inf\" is not a finite number; "
     "expected a number such as 0.5"},
    {"statsd:\n  quantiles: [0.5, 1.01]\n",
     "c.yml:2: statsd.quantiles[1]: \"1.01\" is out of range; expected a "
     "number from 0 to 1"},
    {"statsd:\n  quantiles: [1, 1.0]\n",
     "c.yml:2: statsd.quantiles[1]: \"1.0\" is there twice; expected each "
     "once"},
    {"statsd:\n  preset_status_codes: [99]\n",
     "c.yml:2: statsd.preset_status_codes[0]: \"99\" is out of range; expected "
     "a whole number from 100 to 599"},
    {"statsd:\n  preset_status_codes: [200, 200]\n",
     "c.yml:2: statsd.preset_status_codes[1]: \"200\" is there twice; expected "
     "each once"},
    {"statsd:\n  tag_labels: [a-b, a.b]\n",
     "c.yml:2: statsd.tag_labels[1]: \"a.b\" becomes the label a_b, as one "
     "before it does; expected each label once"},
    {"statsd:\n  tag_labels: ['env:prod']\n",
     "c.yml:2: statsd.tag_labels[0]: \"env:prod\" is not a tag's key; expected "
     "what stands before the colon"},
    {"instances: [{proc_name: a, tags: ['env:prod']}]\nstatsd:\n"
     "  tag_labels: [zone, env]\n",
     "c.yml:3: statsd.tag_labels[1]: \"env\" is a label by the tags of "
     "instances[0]; expected each label once"},
    {"statsd:\n  unmatched: keep\n",
     "c.yml:2: statsd.unmatched: \"keep\" is unknown; expected \"drop\" or "
     "\"export\""},
};
INSTANTIATE_TEST_SUITE_P(Ranges, LoadConfigErrors, testing::ValuesIn(kRanges));

constexpr BadFile kInstances[] = {
    {"instances:\n  - tags: []\n",
     "c.yml:2: instances[0].proc_name: is missing; expected the name given to "
     "gunicorn --name"},
    {"instances:\n  - proc_name: a\n  - gunicorn: /g\n",
     "c.yml:3: instances[1].proc_name: is missing; expected the name given to "
     "gunicorn --name"},
    {"instances:\n  - proc_name: a\n  -\n\n    # A comment.\n    tags: []\n",
     "c.yml:3: instances[1].proc_name: is missing; expected the name given to "
     "gunicorn --name"},
    {"instances:\n  - # To do.\n",
     "c.yml:2: instances[0].proc_name: is missing; expected the name given to "
     "gunicorn --name"},
    {"instances:\n  -\n  - proc_name: a\n",
     "c.yml:2: instances[0].proc_name: is missing; expected the name given to "
     "gunicorn --name"},
    {"instances:\n  - tags: []\n    proc_name:\n    gunicorn: /g\n",
     "c.yml:3: instances[0].proc_name: is null; expected the name given to "
     "gunicorn --name"},
    {"instances:\n  - proc_name: ''\n",
     "c.yml:2: instances[0].proc_name: \"\" is empty; expected a string"},
    {"instances:\n  - proc_name: a\n  - proc_name: b\n  - proc_name: a\n",
     "c.yml:4: instances[2].proc_name: \"a\" is the name of instances[0] "
     "already; expected each name once"},
    {"instances:\n  - tags: []\n    proc_name: a\n  - tags: []\n"
     "    proc_name: a\n",
     "c.yml:5: instances[1].proc_name: \"a\" is the name of instances[0] "
     "already; expected each name once"},
    {"instances:\n  - {proc_name: a, statsd_prefix: p}\n"
     "  - proc_name: b\n    statsd_prefix: p.\n",
     "c.yml:4: instances[1].statsd_prefix: \"p\" is the prefix of "
     "instances[0] already; expected each prefix once"},
};
INSTANTIATE_TEST_SUITE_P(Instances, LoadConfigErrors,
                         testing::ValuesIn(kInstances));

constexpr BadFile kLogs[] = {
    {"logs:\n  - path: /a\n",
     "c.yml:2: logs[0].type: is missing; expected file"},
    {"logs:\n  - type: file\n",
     "c.yml:2: logs[0].path: is missing; expected the path of a file"},
    {"logs:\n  - type: files\n    path: /a\n",
     "c.yml:2: logs[0].type: \"files\" is not a type of log; expected "
     "\"file\""},
    {"logs:\n  - type: file\n    path: /a\n    duration_unit: ms\n",
     "c.yml:4: logs[0].duration_unit: \"ms\" is not a unit; expected "
     "\"seconds\" (%(T)s, %(L)s), \"milliseconds\" (%(M)s) or "
     "\"microseconds\" (%(D)s)"},
    {"logs:\n  - type: file\n    path: /a\n    pattern: '%(s)s %(M)s'\n"
     "    duration_unit: milliseconds\n",
     "c.yml:5: logs[0].duration_unit: stands beside pattern, which tells the "
     "unit itself; expected one of the two"},
    {"logs:\n  - type: file\n    path: /a\n    pattern: '('\n",
     "c.yml:4: logs[0].pattern: \"(\" does not compile: missing ): (; expected "
     "a regular expression of RE2's syntax"},
    {"logs:\n  - type: file\n    path: /a\n    pattern: '(\\d+)'\n",
     "c.yml:4: logs[0].pattern: \"(\\d+)\" names no status; expected a group "
     "(?P<status>...), or %(s)s"},
    {"logs:\n  - type: file\n    path: /a\n    pattern: '%(s)s %(h)d'\n",
     "c.yml:4: logs[0].pattern: \"%(s)s %(h)d\" is no format: \"%(h)d\" "
     "writes a number, which this is not"},
    {"logs:\n  - type: file\n    path: /a\n    pattern: '%(s)s %(M)q'\n",
     "c.yml:4: logs[0].pattern: \"%(s)s %(M)q\" is no format: Python cannot "
     "format from \"%(M)q\" on"},
    {"logs:\n  - type: file\n    path: /a\n    error_pattern: '%(message)s'\n",
     "c.yml:4: logs[0].error_pattern: \"%(message)s\" names no level; expected "
     "a group (?P<level>...), or %(levelname)s"},
    {"logs:\n  - type: file\n    path: /a\n    log_processing_rules:\n"
     "      - {type: multi_line, name: x}\n",
     "c.yml:5: logs[0].log_processing_rules[0].pattern: is missing; expected "
     "what a new message begins with"},
    {"logs:\n  - type: file\n    path: /a\n    log_processing_rules:\n"
     "      - type: multi_line\n        pattern: '[a'\n",
     "c.yml:6: logs[0].log_processing_rules[0].pattern: \"[a\" does not "
     "compile: missing ]: [a; expected a regular expression of RE2's syntax"},
    {"logs:\n  - type: file\n    path: /a\n    log_processing_rules:\n"
     "      - {type: multiline, pattern: a}\n",
     "c.yml:5: logs[0].log_processing_rules[0].type: \"multiline\" is not a "
     "type of rule; expected \"multi_line\""},
};
INSTANTIATE_TEST_SUITE_P(Logs, LoadConfigErrors, testing::ValuesIn(kLogs));

constexpr BadFile kSyntax[] = {
    {"statsd: [a, b\n",
     "c.yml:1: yaml: end of sequence flow not found; expected YAML"},
    {"statsd: \"a\n", "c.yml:1: yaml: illegal EOF in scalar; expected YAML"},
    {"statsd: {}\n\tprocess: {}\n",
     "c.yml:2: yaml: a tab before the text; expected blanks"},
    {"instances:\n\t- proc_name: a\n",
     "c.yml:2: yaml: a tab before the text; expected blanks"},
    {"statsd:\n  a: b: c\n", "c.yml:2: yaml: illegal map value; expected YAML"},
    {"statsd: *nobody\n",
     "c.yml:1: yaml: the referenced anchor is not defined; expected YAML"},
    {"a: &a [*a]\n", "c.yml:1: yaml: an alias inside of its own anchor"},
    {"statsd: {}\n---\nprocess: {}\n",
     "c.yml:2: yaml: a second document; expected one document in the file"},
    {"statsd:\n  default_app: \"\xff\"\n",
     "c.yml:2: yaml: bytes that are not UTF-8; expected UTF-8 text"},
    {"\xff\xfes\n",
     "c.yml:1: yaml: bytes that are not UTF-8; expected UTF-8 text"},
    {"statsd:\n  default_app: \x01\n",
     "c.yml:2: yaml: the control character 0x01; expected text"},
    {"<<: 5\n",
     "c.yml:1: yaml: \"<<\" of something else than a mapping; expected an "
     "alias of a mapping"},
};
INSTANTIATE_TEST_SUITE_P(Syntax, LoadConfigErrors, testing::ValuesIn(kSyntax));

TEST(LoadConfigText, StaysOnOneLineAndCutsLongValues) {
  const std::string error = ErrorOf("statsd:\n  series_ttl: \"a\\nb" +
                                    std::string(200, 'x') + "\"\n");
  EXPECT_EQ(error, "c.yml:2: statsd.series_ttl: \"a b" + std::string(77, 'x') +
                       "...\" is not a duration; write for example \"300s\" or "
                       "\"5m\"");
  EXPECT_EQ(ErrorOf("\"a\\nb\": {c: 1, c: 2}\n"),
            "c.yml:1: a b.c: duplicate key; it stands in line 1 already");
  EXPECT_EQ(ErrorOf("logs: [{type: file, path: a, pattern: \"[\\n\"}]\n"),
            "c.yml:1: logs[0].pattern: \"[ \" does not compile: missing ]: [ ; "
            "expected a regular expression of RE2's syntax");
  EXPECT_EQ(ErrorOf("\"a\\nb\": 1\n"),
            "c.yml:1: a b: unknown key; expected one of init_config, "
            "instances, logs, discovery, process, statsd");
}

TEST(LoadConfigText, RefusesAliasesThatUnfoldToTooMuch) {
  std::string text = "ad_identifiers:\n  - &x0 [a, a, a, a, a, a, a, a]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*x" + std::to_string(i - 1);
    text += "  - &x" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 8; ++j) text += ", " + before;
    text += "]\n";
  }
  EXPECT_EQ(ErrorOf(text),
            "c.yml:6: ad_identifiers[5][2]: more than 100000 values with every "
            "alias written out");
}

TEST(LoadConfigText, SurvivesDeepNesting) {
  EXPECT_NE(ErrorOf(std::string(100'000, '[')), "none");
  EXPECT_NE(ErrorOf(std::string(100'000, '{')), "none");
  std::string steps;
  for (std::size_t i = 0; i < 1000; ++i)
    steps += std::string(2 * i, ' ') + "a:\n";
  EXPECT_NE(ErrorOf(steps), "none");
}

}  // namespace
}  // namespace gunicorn_exporter
