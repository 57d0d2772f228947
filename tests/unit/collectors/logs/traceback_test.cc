#include "collectors/logs/traceback.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gunicorn_exporter {
namespace {

const std::vector<std::string> kTraceback = {
    "Traceback (most recent call last):",
    "  File \"a.py\", line 1, in <module>",
    "    1 / 0",
    "ZeroDivisionError: division by zero",
    "During handling of the above exception, another exception occurred:",
    "Traceback (most recent call last):",
    "  File \"a.py\", line 3, in <module>",
    "app.Error: of two",
    "lines"};

TEST(Traceback, BelongsToTheErrorLineBeforeIt) {
  Traceback traceback;
  traceback.TakeMessage(/*is_error=*/true);
  for (const std::string& line : kTraceback)
    EXPECT_TRUE(traceback.TakeLine(line)) << line;
}

TEST(Traceback, IsAMessageOfItsOwnWithoutOne) {
  Traceback traceback;
  traceback.TakeMessage(/*is_error=*/false);
  EXPECT_FALSE(traceback.TakeLine(kTraceback[0]));
  for (std::size_t i = 1; i < kTraceback.size(); ++i)
    EXPECT_TRUE(traceback.TakeLine(kTraceback[i])) << kTraceback[i];
}

TEST(Traceback, MayBeAGroups) {
  Traceback traceback;
  traceback.TakeMessage(/*is_error=*/true);
  for (const char* line :
       {"  + Exception Group Traceback (most recent call last):",
        "  |   File \"a.py\", line 1, in <module>",
        "  +-+---------------- 1 ----------------", "    | ValueError: x",
        "    +------------------------------------"}) {
    EXPECT_TRUE(traceback.TakeLine(line)) << line;
  }
}

TEST(Traceback, TakesNoLinesThatAreNoTracebacks) {
  Traceback traceback;
  EXPECT_FALSE(traceback.TakeLine("  indented"));
  traceback.TakeMessage(/*is_error=*/true);
  EXPECT_TRUE(traceback.TakeLine("  indented"));
  EXPECT_FALSE(traceback.TakeLine("text"));
  EXPECT_FALSE(traceback.TakeLine("  indented"));
  traceback.TakeMessage(/*is_error=*/false);
  EXPECT_FALSE(traceback.TakeLine("  indented"));
}

TEST(Traceback, EndsWhereAnExceptionsTextIsVeryLong) {
  Traceback traceback;
  traceback.TakeMessage(/*is_error=*/true);
  for (const std::string& line : kTraceback) traceback.TakeLine(line);
  int taken = 0;
  for (int i = 0; i < 1000; ++i) taken += traceback.TakeLine("text") ? 1 : 0;
  EXPECT_LT(taken, 30);
}

}  // namespace
}  // namespace gunicorn_exporter
