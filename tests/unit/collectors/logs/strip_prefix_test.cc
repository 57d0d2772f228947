#include "collectors/logs/strip_prefix.h"

#include <gtest/gtest.h>

#include <string>

namespace gunicorn_exporter {
namespace {

struct Row {
  std::string line;
  std::string text;
  bool is_stderr = false;
  bool is_partial = false;
};

void Expect(const Row& row) {
  std::string buffer;
  const StrippedLine stripped = StripPrefix(row.line, buffer);
  EXPECT_EQ(stripped.text, row.text) << row.line;
  EXPECT_EQ(stripped.is_stderr, row.is_stderr) << row.line;
  EXPECT_EQ(stripped.is_partial, row.is_partial) << row.line;
}

TEST(StripPrefix, TakesOffWhatARuntimeWrote) {
  const std::string text = "[2024-05-13 06:08:22 +0000] [7] [INFO] x";
  const Row table[] = {
      // The Kubernetes CRI.
      {"2024-05-13T06:08:22.86Z stderr F " + text, text, true},
      {"2024-05-13T06:08:22.864+02:00 stdout P " + text, text, false, true},
      {"2024-05-13T06:08:22Z stdout P:x " + text, text, false, true},
      {"2024-05-13T06:08:22Z stdout F", ""},
      // Docker's json-file.
      {R"({"log":"a \"b\" \u001b[1mc\n","stream":"stderr","time":"x"})",
       "a \"b\" c", true},
      {R"({"log":"a\r\n","stream":"stdout","time":"x"})", "a"},
      {R"({"stream":"stdout","time":"x","log":"a"})", "a", false, true},
      // journalctl -o json.
      {R"({"__REALTIME_TIMESTAMP":"1","MESSAGE":"a"})", "a"},
      {R"({"MESSAGE":[97,27,98],"__REALTIME_TIMESTAMP":"1"})", "a\x1b\x62"},
      // journalctl and syslog.
      {"Nov 22 05:33:19 host gunicorn[8865]: " + text, text},
      {"Nov  2 05:33:19 host gunicorn.shop.error: " + text, text},
      {"Nov 22 05:33:19.123456 host gunicorn[8865]: " + text, text},
      {"Sun 2026-11-22 05:33:19 UTC host gunicorn[8865]: " + text, text},
      {"2026-11-22T05:33:19+0000 host gunicorn[8865]: " + text, text},
      {"2026-11-22T05:33:19.123456+00:00 host gunicorn: " + text, text},
      {"<14>Nov 22 05:33:19 host gunicorn[8865]: " + text, text},
      {"<14>1 2026-11-22T05:33:19Z host gunicorn 8865 - - " + text, text},
      {"<14>1 2026-11-22T05:33:19Z host gunicorn 8865 - [a b=\"]\"][c] " + text,
       text},
      {R"(<14>1 2026-11-22T05:33:19Z host g 8865 - [a b="\"]"] )" + text, text},
      // Colours, also in the others.
      {"\x1b[32mINFO\x1b[0m: \x1b[38;5;1mx\x1b[m", "INFO: x"},
      {"2024-05-13T06:08:22.86Z stdout F \x1b[1mx\x1b[0m", "x"},
      {R"({"log":"2024-05-13T06:08:22Z stderr F x\n","stream":"stdout"})", "x",
       true},
  };
  for (const Row& row : table) Expect(row);
}

TEST(StripPrefix, LeavesALineAloneThatHasNone) {
  for (const char* line :
       {"", "x", "{}", "{", R"({"log":1,"stream":"stdout"})",
        R"({"log":"x","stream":1})", R"({"log":"x","stream":"stdout")",
        R"({"log": {"level": "info"}, "message": "x"})",
        R"({"MESSAGE": 5, "__REALTIME_TIMESTAMP": "1"})",
        "2024-05-13T06:08:22.86Z x F a", "2024-05-13T06:08:22.86Z stdout X a",
        "2024-05-13T06:08:22.86Z [7] [INFO] x", "Nov 22 05:33:19 host text",
        "<14>", "<14>1 x", "<14>1 2026-11-22T05:33:19Z a b c d [x",
        "127.0.0.1 - - [22/Nov/2026:05:33:19 +0000] \"GET / HTTP/1.1\" 200 "
        "2"}) {
    Expect({line, line});
  }
}

TEST(StripPrefix, EndsAtAColourWithoutAnEnd) { Expect({"a\x1b[12", "a"}); }

}  // namespace
}  // namespace gunicorn_exporter
