#include "collectors/logs/log_collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "collectors/series/event_sink.h"
#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

const std::string kAccess =
    "127.0.0.1 - - [22/Nov/2026:05:33:19 +0000] \"GET / HTTP/1.1\" ";
const std::string kError = "[2026-11-22 05:33:16 +0000] [8865] ";

// Counts what it is given, and refuses the apps of `statsd`.
class FakeSink : public EventSink {
 public:
  bool AddFromLog(const AppId& app, std::span<const Event> events) override {
    const std::lock_guard lock(mutex_);
    if (statsd.contains(app.name)) return false;
    for (const Event& event : events) {
      if (event.kind == EventKind::kRequests) requests[app.name] += event.value;
      if (event.kind == EventKind::kStatus) ++codes[event.code];
      if (event.kind == EventKind::kDuration) seconds += event.value;
    }
    return true;
  }

  std::set<std::string> statsd;
  std::map<std::string, double> requests;
  std::map<int, int> codes;
  double seconds = 0;

 private:
  std::mutex mutex_;
};

// The value of a series by its labels, as they are written; -1: there is none.
double Value(LogCollector& collector, const std::string& name,
             const std::string& labels = "") {
  for (const MetricFamily& family : collector.Collect({}).families) {
    if (family.name != name) continue;
    for (const Series& series : family.series) {
      std::string text;
      if (series.common != nullptr) text += series.common->text();
      if (series.own != nullptr) {
        if (!text.empty()) text += ",";
        text += series.own->text();
      }
      if (text == labels) return series.value;
    }
  }
  return -1;
}

class LogCollectorTest : public testing::Test {
 protected:
  static LogSourceConfig File(const std::string& path,
                              const std::string& service) {
    LogSourceConfig source;
    source.path = path;
    source.service = service;
    return source;
  }

  double Unmatched(LogCollector& collector, const std::string& file,
                   const std::string& reason) {
    return Value(collector, "gunicorn_exporter_logs_unmatched_lines_total",
                 "path=\"" + (dir_ / file) + "\",reason=\"" + reason + "\"");
  }

  const TempDir dir_;
  FakeSink sink_;
  Config config_;
  Flags flags_;
};

TEST_F(LogCollectorTest, TurnsAccessLinesIntoEvents) {
  config_.logs = {File(dir_ / "access.log", "shop")};
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  AppendFile(dir_ / "access.log", kAccess + "200 2 \"-\" \"-\" 1500\n" +
                                      kAccess + "404 2 \"-\" \"-\"\n");
  collector.Stop();
  EXPECT_EQ(sink_.requests["shop"], 2);
  EXPECT_EQ(sink_.codes[200], 1);
  EXPECT_EQ(sink_.codes[404], 1);
  EXPECT_DOUBLE_EQ(sink_.seconds, 0.0015);
  EXPECT_EQ(Value(collector, "gunicorn_exporter_logs_lines_total"), 2);
}

TEST_F(LogCollectorTest, CountsWhatStatsdMakesNeedlessAsRefused) {
  sink_.statsd = {"shop"};
  config_.logs = {File(dir_ / "access.log", "shop")};
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  AppendFile(dir_ / "access.log", kAccess + "200 2\n");
  collector.Stop();
  EXPECT_EQ(sink_.requests["shop"], 0);
  EXPECT_EQ(Value(collector, "gunicorn_exporter_logs_refused_lines_total"), 1);
}

TEST_F(LogCollectorTest, CountsErrorLinesByLevelAndEvent) {
  config_.instances = {{"shop", {{"env", "prod"}}, "", ""}};
  config_.logs = {File(dir_ / "error.log", "shop")};
  config_.logs[0].multi_line = {{"date", "\\[\\d{4}-\\d{2}-\\d{2}"}};
  sink_.statsd = {"shop"};  // Error lines count all the same.
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  AppendFile(dir_ / "error.log",
             kError + "[INFO] Booting worker with pid: 8865\n" + kError +
                 "[ERROR] Exception in worker process\nTraceback\n  x\n" +
                 kError + "[CRITICAL] WORKER TIMEOUT (pid:8865)\n" + "tail\n");
  // The last message waits for more lines; a file that is gone has none.
  collector.Stop();
  const std::string shop = "app=\"shop\",env=\"prod\",";
  EXPECT_EQ(
      Value(collector, "gunicorn_log_lines_total", shop + "level=\"info\""), 1);
  EXPECT_EQ(
      Value(collector, "gunicorn_log_lines_total", shop + "level=\"error\""),
      1);
  EXPECT_EQ(
      Value(collector, "gunicorn_log_lines_total", shop + "level=\"debug\""),
      0);
  EXPECT_EQ(
      Value(collector, "gunicorn_worker_events_total", shop + "event=\"boot\""),
      1);
  EXPECT_EQ(Value(collector, "gunicorn_worker_events_total",
                  shop + "event=\"killed\""),
            0);
  EXPECT_EQ(Unmatched(collector, "error.log", "no_format"), 0);
  EXPECT_EQ(Value(collector, "gunicorn_exporter_logs_lines_total"), 6);
}

TEST_F(LogCollectorTest, HasItsSeriesFromTheStart) {
  config_.logs = {File(dir_ / "error.log", "shop")};
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  EXPECT_EQ(Value(collector, "gunicorn_worker_events_total",
                  "app=\"shop\",event=\"timeout\""),
            0);
  EXPECT_EQ(Unmatched(collector, "error.log", "binary"), 0);
  EXPECT_EQ(Value(collector, "gunicorn_exporter_logs_open_files",
                  "path=\"" + (dir_ / "error.log") + "\""),
            0);
  EXPECT_EQ(Value(collector, "gunicorn_exporter_logs_read_errors_total",
                  "reason=\"open\""),
            0);
}

TEST_F(LogCollectorTest, CountsUnmatchedLinesByReason) {
  config_.logs = {File(dir_ / "x.log", "shop")};
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  using namespace std::string_literals;
  AppendFile(dir_ / "x.log", "text\n" + kAccess + "999 2\n" + kError +
                                 "[NOTICE] x\n" + kAccess + "200 2 1 2\n");
  collector.Stop();
  for (const char* reason :
       {"no_format", "bad_status", "unknown_level", "duration"}) {
    EXPECT_EQ(Unmatched(collector, "x.log", reason), 1) << reason;
  }
  // The one whose duration alone is not understood.
  EXPECT_EQ(Value(collector, "gunicorn_exporter_logs_matched_lines_total",
                  "path=\"" + (dir_ / "x.log") + "\""),
            1);
}

TEST_F(LogCollectorTest, LosesAndDoublesNothingOverARestart) {
  flags_.logs_position_file = dir_ / "positions";
  config_.logs = {File(dir_ / "access.log", "shop")};
  WriteFile(dir_ / "access.log", kAccess + "200 2\n");
  for (int i = 0; i < 3; ++i) {
    LogCollector collector(config_, flags_, sink_, nullptr);
    collector.FindFiles();
    collector.Start();
    AppendFile(dir_ / "access.log", kAccess + "200 2\n" + kAccess + "2");
    collector.Stop();
    AppendFile(dir_ / "access.log", "00 2\n");
  }
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  collector.Stop();
  EXPECT_EQ(sink_.requests["shop"], 6);  // Not the one before the first start.
}

TEST_F(LogCollectorTest, StartsAtTheEndsWithABrokenPositionFile) {
  flags_.logs_position_file = dir_ / "positions";
  WriteFile(dir_ / "positions", "broken");
  WriteFile(dir_ / "access.log", kAccess + "200 2\n");
  config_.logs = {File(dir_ / "access.log", "shop")};
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  AppendFile(dir_ / "access.log", kAccess + "201 2\n");
  collector.Stop();
  EXPECT_EQ(sink_.requests["shop"], 1);
  EXPECT_EQ(LoadPositions(dir_ / "positions")->files.size(), 1U);
}

TEST_F(LogCollectorTest, GoesOnWithTheLogsThatAReloadKeeps) {
  config_.logs = {File(dir_ / "a.log", "a"), File(dir_ / "b.log", "b")};
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  AppendFile(dir_ / "a.log", kError + "[INFO] x\n");
  AppendFile(dir_ / "b.log", kError + "[INFO] x\n");
  WriteFile(dir_ / "c.log", kError + "[INFO] old\n");
  Config next = config_;
  next.logs = {File(dir_ / "c.log", "c"), File(dir_ / "a.log", "a")};
  next.instances = {{"a", {{"env", "prod"}}, "", ""}};
  collector.Reconfigure(next);
  AppendFile(dir_ / "a.log", kError + "[INFO] y\n");
  AppendFile(dir_ / "c.log", kError + "[INFO] y\n");
  collector.Stop();
  EXPECT_EQ(Value(collector, "gunicorn_log_lines_total",
                  "app=\"a\",env=\"prod\",level=\"info\""),
            2);
  EXPECT_EQ(
      Value(collector, "gunicorn_log_lines_total", "app=\"c\",level=\"info\""),
      1);
  EXPECT_EQ(
      Value(collector, "gunicorn_log_lines_total", "app=\"b\",level=\"info\""),
      -1);
}

TEST_F(LogCollectorTest, GoesOnWhereAReloadChangesHowALogIsRead) {
  config_.logs = {File(dir_ / "a.log", "a")};
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  Config next = config_;
  next.logs[0].service = "b";
  next.logs[0].source = "other";
  next.logs[0].error_pattern = "^(?P<level>\\w+) ";
  collector.Start();
  AppendFile(dir_ / "a.log", kError + "[INFO] x\n");
  collector.Reconfigure(next);
  AppendFile(dir_ / "a.log", "ERROR x\n");
  collector.Stop();
  EXPECT_EQ(
      Value(collector, "gunicorn_log_lines_total", "app=\"b\",level=\"error\""),
      1);
  EXPECT_EQ(Value(collector, "gunicorn_exporter_logs_lines_total"), 2);
}

TEST_F(LogCollectorTest, ReadsAFileOfTwoEntriesOnceAndForTheFirst) {
  WriteFile(dir_ / "a.log", "");
  config_.logs = {File(dir_ / "a.log", "a"), File(dir_ / "*.log", "b")};
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  AppendFile(dir_ / "a.log", kError + "[INFO] x\n" + kAccess + "200 2\n");
  Config next = config_;
  next.logs.erase(next.logs.begin());
  collector.Reconfigure(next);  // Which reads all that is there.
  AppendFile(dir_ / "a.log", kError + "[INFO] y\n" + kAccess + "200 2\n");
  collector.Stop();
  EXPECT_EQ(sink_.requests["a"] + sink_.requests["b"], 2);
  EXPECT_EQ(Value(collector, "gunicorn_exporter_logs_lines_total"), 4);
}

// Without a rule, and as a container's runtime writes it.
TEST_F(LogCollectorTest, CountsATracebackAsAPartOfItsMessage) {
  config_.logs = {File(dir_ / "a.log", "shop")};
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  const std::string out = "2024-05-13T06:08:22.86Z stdout F ";
  const std::string err = "2024-05-13T06:08:22.86Z stderr F ";
  AppendFile(dir_ / "a.log", err + kError + "[ERROR] x\n" + err +
                                 "Traceback (most recent call last):\n" + out +
                                 kAccess + "200 2\n" + err +
                                 "  File \"a.py\", line 1, in x\n" + err +
                                 "ValueError: x\n" + err + kError +
                                 "[CRITICAL] WORKER TIMEOUT (pid:8865)\n");
  collector.Stop();
  EXPECT_EQ(Value(collector, "gunicorn_log_lines_total",
                  "app=\"shop\",level=\"error\""),
            1);
  EXPECT_EQ(Value(collector, "gunicorn_worker_events_total",
                  "app=\"shop\",event=\"timeout\""),
            1);
  EXPECT_EQ(sink_.requests["shop"], 1);
  EXPECT_EQ(Unmatched(collector, "a.log", "no_format"), 0);
}

TEST_F(LogCollectorTest, CountsALogThatCameWhileItDidNotRun) {
  flags_.logs_position_file = dir_ / "positions";
  config_.logs = {File(dir_ / "a.log", "a")};
  for (const char* file : {"a.log", "b.log"}) {
    LogCollector collector(config_, flags_, sink_, nullptr);
    collector.FindFiles();
    collector.Start();
    collector.Stop();
    WriteFile(dir_ / file, kAccess + "200 2\n");
    // That one was not followed: it is read from its end on.
    if (config_.logs.size() == 1)
      config_.logs.push_back(File(dir_ / "b.log", "b"));
  }
  WriteFile(dir_ / "c.log", kAccess + "200 2\n");
  config_.logs.push_back(File(dir_ / "c.log", "c"));
  LogCollector collector(config_, flags_, sink_, nullptr);
  collector.FindFiles();
  collector.Start();
  collector.Stop();
  EXPECT_EQ(sink_.requests["a"], 1);
  EXPECT_EQ(sink_.requests["b"], 1);
  EXPECT_EQ(sink_.requests["c"], 0);
}

TEST_F(LogCollectorTest, WorksWithoutLogs) {
  LogCollector collector(config_, flags_, sink_, nullptr);
  EXPECT_EQ(collector.Name(), "logs");
  collector.FindFiles();
  collector.Start();
  EXPECT_EQ(Value(collector, "gunicorn_exporter_logs_lines_total"), 0);
  collector.Stop();
  collector.Stop();
}

TEST(AppOfLog, IsTheServiceElseTheOnlyInstanceElseTheDefault) {
  LogSourceConfig source;
  Config config;
  EXPECT_EQ(AppOfLog(source, config), "unknown");
  config.statsd.default_app = "other";
  EXPECT_EQ(AppOfLog(source, config), "other");
  config.instances = {{"a", {}, "", ""}};
  EXPECT_EQ(AppOfLog(source, config), "a");
  config.instances.push_back({"b", {}, "", ""});
  EXPECT_EQ(AppOfLog(source, config), "other");
  source.service = "shop";
  EXPECT_EQ(AppOfLog(source, config), "shop");
}

}  // namespace
}  // namespace gunicorn_exporter
