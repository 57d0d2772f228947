#include "collectors/statsd/lines/line_examples.h"

#include <map>
#include <string>

#include "tests/unit/collectors/statsd/lines/line_handler_fixture.h"

namespace gunicorn_exporter {
namespace {

class LineExamplesTest : public LineHandlerTest {
 protected:
  // "line from sender", by reason.
  std::map<std::string, std::string> Last() {
    std::map<std::string, std::string> last;
    for (const LineExample& example : metrics_.examples.Last()) {
      EXPECT_GT(example.unix_seconds, 0);
      last[example.reason] = example.line + " from " + example.sender;
    }
    return last;
  }
  using Map = std::map<std::string, std::string>;
};

TEST_F(LineExamplesTest, ShowOneOfEachReasonWithItsSender) {
  SendFromPid("gunicorn.requests:1|c\na.b:1|c\nc.d:1|c", 17);
  SendFromPort("gunicorn.requests:x|c\n_sc|name|0", 4321);
  Send("nonsense");
  EXPECT_EQ(Last(),
            (Map{{"unmatched", "a.b:1|c from pid 17"},
                 {"bad_value", "gunicorn.requests:x|c from 127.0.0.1:4321"},
                 {"service_check", "_sc|name|0 from 127.0.0.1:4321"},
                 {"malformed", "nonsense from "}}));
}

TEST_F(LineExamplesTest, ShowTheNextOneAMinuteLater) {
  Send("first:1|c");
  time_.Advance(std::chrono::seconds(59));
  Send("second:1|c");
  Send("second:1|c");
  EXPECT_EQ(Last(), (Map{{"unmatched", "first:1|c from "}}));
  time_.Advance(std::chrono::seconds(1));
  Send("");  // The next turn of the loop.
  Send("third:1|c");
  EXPECT_EQ(Last(), (Map{{"unmatched", "third:1|c from "}}));
}

TEST_F(LineExamplesTest, AreCutAt200Bytes) {
  const std::string line(9000, 'x');
  Send(line + "\nshort");
  EXPECT_EQ(Last()["too_long"], line.substr(0, 200) + " from ");
}

TEST_F(LineExamplesTest, ShowForeignLinesThatAreExported) {
  config_.statsd.unmatched = UnmatchedLines::kExport;
  SendFromPid("orders:1|c\norders,a=b:1|c|#c:d", 17);
  EXPECT_EQ(Last(), (Map{{"foreign", "orders:1|c from pid 17"},
                         {"malformed", "orders,a=b:1|c|#c:d from pid 17"}}));
}

// A line is gone when the store answers, so it is one that follows.
TEST_F(LineExamplesTest, ShowALineThatTheStoreRefusesAfterTheFirst) {
  config_.statsd.unmatched = UnmatchedLines::kExport;
  Send("jobs:1|c");
  SendFromPid("jobs:2|g", 17);
  SendFromPid("other:3|c", 18);
  SendFromPid("more:4|c\njobs:1:2|g\njobs:5|g", 19);
  SendFromPid("jobs:7|g", 20);  // Within the minute.
  SendFromPid("up:0|g", 21);
  SendFromPid("up:1|g", 22);
  EXPECT_EQ(Last(), (Map{{"foreign", "jobs:1|c from "},
                         {"conflict", "jobs:1:2|g from pid 19"},
                         {"reserved_name", "up:1|g from pid 22"}}));
}

TEST_F(LineExamplesTest, ShowALineOfAnAppWithoutRoom) {
  config_.statsd.max_series = 10;
  Send("a.gunicorn.log.error:1|c");
  Send("b.gunicorn.log.error:1|c");
  SendFromPid("c.gunicorn.log.error:1|c", 17);
  EXPECT_EQ(Last(), (Map{{"limit", "c.gunicorn.log.error:1|c from pid 17"}}));
}

TEST_F(LineExamplesTest, KnowTheSenderOfALineThatWasHeld) {
  config_.statsd.unmatched = UnmatchedLines::kExport;
  senders_.Hold();
  SendFromPort("orders:-1|c", 4321);
  EXPECT_EQ(Last(), Map());
  senders_.LetGo();
  ASSERT_TRUE(handler().Flush());
  EXPECT_EQ(Last(), (Map{{"bad_value", "orders:-1|c from 127.0.0.1:4321"}}));
}

}  // namespace
}  // namespace gunicorn_exporter
