#include "config/load_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "config/base/config_error.h"

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Config Parse(const std::string& text) {
  return ParseConfig(text, "c.yml").config;
}

// "3 statsd.series_ttl: message" for each notice.
std::vector<std::string> Notices(const LoadedConfig& loaded) {
  std::vector<std::string> lines;
  for (const ConfigNotice& notice : loaded.notices) {
    lines.push_back(std::to_string(notice.line) + " " + notice.key + ": " +
                    notice.message);
  }
  return lines;
}

std::vector<std::string> NoticesOf(const std::string& text) {
  return Notices(ParseConfig(text, "c.yml"));
}

TEST(LoadConfig, TakesAnEmptyFileAsTheDefaults) {
  for (const char* text : {"", "\n\n", "# nothing\n", "---\n", "~", "null\n",
                           "{}", "\xef\xbb\xbf# with a byte order mark\n"}) {
    EXPECT_EQ(Parse(text), Config{}) << text;
  }
}

TEST(LoadConfig, TakesANullSectionOrValueAsTheDefault) {
  EXPECT_EQ(Parse("init_config:\ninstances:\nlogs: ~\ndiscovery: null\n"
                  "process:\nstatsd:\n"),
            Config{});
  EXPECT_EQ(Parse("statsd:\n  max_series:\n  quantiles: ~\nprocess:\n"
                  "  per_worker:\ndiscovery: {enabled: }\n"),
            Config{});
}

TEST(LoadConfig, WritesTheAddressesOfBindAsTheKernelsTablesDo) {
  const Config config = Parse(R"(
instances:
  - proc_name: my_app
    bind: [":8000", "127.0.0.1:8001", "localhost:8002", "[0::1]:8003",
           "unix:/run/a.sock", "unix:///run/b.sock", "unix:c.sock"]
)");
  EXPECT_THAT(
      config.instances.at(0).bind,
      ElementsAre("0.0.0.0:8000", "[::]:8000", "127.0.0.1:8001",
                  "127.0.0.1:8002", "[::1]:8002", "[::1]:8003",
                  "unix:/run/a.sock", "unix:/run/b.sock", "unix:c.sock"));
}

TEST(LoadConfig, ReadsEveryKeyOfItsOwn) {
  const Config config = Parse(R"(
init_config:
  gunicorn: /usr/local/bin/gunicorn
instances:
  - proc_name: my_app
    tags: ["env:prod", "team:web"]
    statsd_prefix: my_prefix
    gunicorn: /opt/app/bin/gunicorn
logs:
  - type: file
    path: /var/log/gunicorn/*.log
    exclude_paths: [/var/log/gunicorn/old.log]
    service: my_app
    source: gunicorn
    pattern: '(?P<status>\d+)'
    error_pattern: '(?P<level>\w+)'
    log_processing_rules:
      - {type: multi_line, name: start, pattern: '\[\d{4}-\d{2}-\d{2}'}
discovery:
  enabled: true
  forget_after: 0s
process:
  sample_interval: 500ms
  per_worker: yes
  pod_labels: true
  upstreams: false
statsd:
  series_ttl: 1h30m
  max_series: 1
  default_app: other
  histogram_buckets: [0.1, 1, 1e1]
  native_histogram_schema: -4
  quantiles: [1, 0, 0.5]
  quantile_window: 5m
  preset_status_codes: [100, 599]
  tag_labels: [region]
  unmatched: export
)");
  Config expected;
  expected.gunicorn = "/usr/local/bin/gunicorn";
  expected.instances = {{"my_app",
                         {{"env", "prod"}, {"team", "web"}},
                         "my_prefix",
                         "/opt/app/bin/gunicorn"}};
  expected.logs = {{"/var/log/gunicorn/*.log",
                    {"/var/log/gunicorn/old.log"},
                    "my_app",
                    "gunicorn",
                    "(?P<status>\\d+)",
                    {{"start", "\\[\\d{4}-\\d{2}-\\d{2}"}},
                    0,
                    "(?P<level>\\w+)"}};
  expected.discovery = {true, std::chrono::milliseconds(0)};
  expected.process = {std::chrono::milliseconds(500), true, true, false};
  expected.statsd.series_ttl = std::chrono::minutes(90);
  expected.statsd.max_series = 1;
  expected.statsd.default_app = "other";
  expected.statsd.histogram_buckets = {0.1, 1, 10};
  expected.statsd.native_histogram_schema = -4;
  expected.statsd.quantiles = {0, 0.5, 1};
  expected.statsd.quantile_window = std::chrono::minutes(5);
  expected.statsd.preset_status_codes = {100, 599};
  expected.statsd.tag_labels = {"region"};
  expected.statsd.unmatched = UnmatchedLines::kExport;
  EXPECT_EQ(config, expected);
}

TEST(LoadConfig, DiscoversWithoutInstancesOnly) {
  EXPECT_TRUE(Parse("").discovery.enabled);
  EXPECT_TRUE(Parse("instances: []").discovery.enabled);
  EXPECT_FALSE(Parse("instances: [{proc_name: a}]").discovery.enabled);
  EXPECT_TRUE(Parse("discovery: {enabled: true}\ninstances: [{proc_name: a}]")
                  .discovery.enabled);
  EXPECT_FALSE(Parse("discovery: {enabled: false}").discovery.enabled);
}

TEST(LoadConfig, DropsTheDotsAfterAPrefixAsGunicornDoes) {
  EXPECT_EQ(Parse("instances: [{proc_name: a, statsd_prefix: p.q..}]")
                .instances[0]
                .statsd_prefix,
            "p.q");
}

TEST(LoadConfig, FollowsAnchorsAndMergeKeys) {
  const LoadedConfig loaded = ParseConfig(
      "instances:\n"
      "  - &first {proc_name: a, tags: &tags [\"env:prod\"], gunicorn: /g}\n"
      "  - {<<: *first, proc_name: b}\n"
      "  - {proc_name: c, tags: *tags}\n",
      "c.yml");
  const std::vector<TagLabel> tags = {{"env", "prod"}};
  EXPECT_THAT(loaded.config.instances,
              ElementsAre(InstanceConfig{"a", tags, "", "/g"},
                          InstanceConfig{"b", tags, "", "/g"},
                          InstanceConfig{"c", tags, "", ""}));
  EXPECT_THAT(loaded.notices, IsEmpty());
}

TEST(LoadConfig, TakesQuotedAndTaggedNumbersAsNames) {
  EXPECT_EQ(Parse("instances: [{proc_name: '42'}, {proc_name: !!str 43}]")
                .instances[1]
                .proc_name,
            "43");
}

TEST(LoadConfig, TurnsTagsIntoLabels) {
  const LoadedConfig loaded = ParseConfig(R"(instances:
  - proc_name: a
    tags:
      - url:http://h:80/
      - app:x
      - le:1
      - my-team:web
      - 1st:y
      - __name__:z
      - "b\u00fcro:1"
      - role:admin
      - path:/x
)",
                                          "c.yml");
  EXPECT_THAT(
      loaded.config.instances[0].tags,
      ElementsAre(TagLabel{"url", "http://h:80/"}, TagLabel{"tag_app", "x"},
                  TagLabel{"tag_le", "1"}, TagLabel{"my_team", "web"},
                  TagLabel{"_1st", "y"}, TagLabel{"tag___name__", "z"},
                  TagLabel{"b_ro", "1"}, TagLabel{"tag_role", "admin"},
                  TagLabel{"tag_path", "/x"}));
  EXPECT_THAT(
      Notices(loaded),
      ElementsAre(
          "5 instances[0].tags[1]: the tag \"app:x\" becomes the label tag_app",
          "6 instances[0].tags[2]: the tag \"le:1\" becomes the label tag_le",
          "7 instances[0].tags[3]: the tag \"my-team:web\" becomes the label "
          "my_team",
          "8 instances[0].tags[4]: the tag \"1st:y\" becomes the label _1st",
          "9 instances[0].tags[5]: the tag \"__name__:z\" becomes the label "
          "tag___name__",
          "10 instances[0].tags[6]: the tag \"b\u00fcro:1\" becomes the label "
          "b_ro",
          "11 instances[0].tags[7]: the tag \"role:admin\" becomes the label "
          "tag_role",
          "12 instances[0].tags[8]: the tag \"path:/x\" becomes the label "
          "tag_path"));
}

TEST(LoadConfig, LeavesOutTagsThatCannotBeLabels) {
  const LoadedConfig loaded = ParseConfig(R"(instances:
  - proc_name: a
    tags: [bare, "empty:", ":nameless", "env:prod", "env:test", "a.b:1", "a-b:2"]
)",
                                          "c.yml");
  EXPECT_THAT(loaded.config.instances[0].tags,
              ElementsAre(TagLabel{"env", "prod"}, TagLabel{"a_b", "1"}));
  EXPECT_THAT(
      Notices(loaded),
      ElementsAre(
          "3 instances[0].tags[0]: ignored: the tag \"bare\" has no value",
          "3 instances[0].tags[1]: ignored: the tag \"empty:\" has no value",
          "3 instances[0].tags[2]: ignored: the tag \":nameless\" has no name",
          "3 instances[0].tags[4]: ignored: the label env is taken by "
          "instances[0].tags[3]",
          "3 instances[0].tags[5]: the tag \"a.b:1\" becomes the label a_b",
          "3 instances[0].tags[6]: ignored: the label a_b is taken by "
          "instances[0].tags[5]"));
}

TEST(LoadConfig, LoadsTheDatadogAgentsFileUnchanged) {
  const LoadedConfig loaded =
      LoadConfigFile(TESTS_DIR "/fixtures/config/datadog_gunicorn.d_conf.yaml");
  Config expected;
  expected.gunicorn = "/usr/local/bin/gunicorn";
  expected.instances = {{"shop_web",
                         {{"env", "staging"}, {"team", "checkout"}},
                         "",
                         "docker exec shop gunicorn"},
                        {"shop_admin", {}, "", ""}};
  expected.discovery.enabled = false;
  expected.logs = {{"/var/log/gunicorn/access.log",
                    {"/var/log/gunicorn/access-health.log"},
                    "shop_web",
                    "gunicorn",
                    "",
                    {},
                    0,
                    ""},
                   {"/var/log/gunicorn/error.log",
                    {},
                    "",
                    "gunicorn",
                    "",
                    {{"log_start_with_date", "\\[\\d{4}-\\d{2}-\\d{2}"}},
                    0,
                    ""}};
  EXPECT_EQ(loaded.config, expected);

  const std::string ignored = ": ignored: has no meaning here";
  EXPECT_THAT(
      Notices(loaded),
      ElementsAre(
          "12 init_config.service" + ignored,
          "26 instances[0].service" + ignored,
          "28 instances[0].min_collection_interval" + ignored,
          "30 instances[0].empty_default_hostname" + ignored,
          "32 instances[0].disable_generic_tags" + ignored,
          "34 instances[0].metric_patterns" + ignored,
          "47 logs[0].sourcecategory" + ignored, "48 logs[0].tags" + ignored,
          "52 logs[0].encoding" + ignored,
          "53 logs[0].start_position" + ignored,
          "54 logs[0].auto_multi_line_detection" + ignored,
          "62 logs[1].log_processing_rules[1]: ignored: a rule of type "
          "\"exclude_at_match\" has no meaning here",
          "65 logs[1].log_processing_rules[2]: ignored: a rule of type "
          "\"mask_sequences\" has no meaning here",
          "70 logs[2].port" + ignored,
          "69 logs[2]: ignored: a log of type \"tcp\" is not read here",
          "74 logs[3].include_units" + ignored,
          "73 logs[3]: ignored: a log of type \"journald\" is not read here"));
}

TEST(LoadConfig, LoadsTheOlderAgentsFilesUnchanged) {
  const LoadedConfig five =
      LoadConfigFile(TESTS_DIR "/fixtures/config/datadog_agent5_gunicorn.yaml");
  EXPECT_THAT(five.config.instances,
              ElementsAre(InstanceConfig{
                  "my_web_app", {{"optional", "tag1"}}, "", ""}));
  EXPECT_THAT(five.notices, IsEmpty());

  const LoadedConfig untouched =
      LoadConfigFile(TESTS_DIR "/fixtures/config/datadog_untouched_conf.yaml");
  EXPECT_EQ(untouched.config, Config{});

  const LoadedConfig stackstate = LoadConfigFile(
      TESTS_DIR "/fixtures/config/stackstate_gunicorn.d_conf.yaml");
  EXPECT_THAT(
      stackstate.config.instances,
      ElementsAre(InstanceConfig{"billing",
                                 {{"stackstate_layer", "applications"},
                                  {"stackstate_environment", "Production"}},
                                 "",
                                 ""}));
  EXPECT_THAT(stackstate.notices, testing::SizeIs(4));
}

TEST(LoadConfig, ReportsAnAgentsKeyOnceEach) {
  EXPECT_THAT(NoticesOf("ad_identifiers: [a, b]\n"
                        "init_config: {proxy: {http: x}, service: s}\n"
                        "instances: [{proc_name: a, metric_patterns: "
                        "{include: [x], exclude: [y]}}]\n"),
              ElementsAre("1 ad_identifiers: ignored: has no meaning here",
                          "2 init_config.proxy: ignored: has no meaning here",
                          "2 init_config.service: ignored: has no meaning here",
                          "3 instances[0].metric_patterns: ignored: has no "
                          "meaning here"));
}

TEST(LoadConfig, ShipsAnExampleOfEveryDefault) {
  LoadedConfig loaded =
      LoadConfigFile(TESTS_DIR "/../config/gunicorn_exporter.example.yml");
  EXPECT_THAT(loaded.notices, IsEmpty());
  EXPECT_THAT(loaded.config.instances, testing::SizeIs(1));
  EXPECT_THAT(loaded.config.logs, testing::SizeIs(3));
  Config defaults;
  defaults.discovery.enabled = false;  // The default beside instances.
  defaults.instances = loaded.config.instances;
  defaults.logs = loaded.config.logs;
  EXPECT_EQ(loaded.config, defaults);
}

TEST(LoadConfig, ShipsAnExampleThatChangesNothingWithoutItsTwoExamples) {
  std::ifstream file(TESTS_DIR "/../config/gunicorn_exporter.example.yml");
  std::string rest;
  bool is_example = false;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] >= 'a' && line[0] <= 'z') {
      is_example = line == "instances:" || line == "logs:";
    }
    if (!is_example) rest += line + "\n";
  }
  EXPECT_THAT(rest, testing::HasSubstr("\ndiscovery:\n"));
  EXPECT_EQ(Parse(rest), Config());
}

TEST(LoadConfig, NamesAFileThatCannotBeRead) {
  const auto error_of = [](const std::string& file) -> std::string {
    try {
      LoadConfigFile(file);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(error_of("/nonexistent/c.yml"),
            "--config.file: /nonexistent/c.yml: cannot be read: No such file "
            "or directory");
  EXPECT_EQ(error_of("/"), "--config.file: /: cannot be read: Is a directory");
  EXPECT_EQ(error_of("/dev/zero"),
            "/dev/zero: larger than 1 MiB; expected a configuration");
}

}  // namespace
}  // namespace gunicorn_exporter
