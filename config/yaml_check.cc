#include "config/yaml_check.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/parser.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <sstream>

#include "config/base/config_error.h"
#include "config/base/utf8.h"

namespace gunicorn_exporter {
namespace {

bool IsControl(char c) { return (c >= 0 && c < ' ') || c == 0x7f; }

class DocumentCheck : public YAML::EventHandler {
 public:
  explicit DocumentCheck(const std::string& file) : file_(file) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      FailConfig(file_, LineOf(mark), "",
                 "a second document; expected one document in the file");
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  const std::string& file_;
  int documents_ = 0;
};

}  // namespace

void FailConfig(const std::string& file, int line, const std::string& path,
                const std::string& problem) {
  std::string what = (path.empty() ? "yaml" : path) + ": " + problem;
  for (char& c : what) {
    if (IsControl(c)) c = ' ';
  }
  throw ConfigError(file + ":" + std::to_string(line) + ": " + what);
}

void CheckCharacters(const std::vector<std::string_view>& lines,
                     const std::string& file) {
  int number = 0;
  for (const std::string_view line : lines) {
    ++number;
    if (!IsValidUtf8(line)) {
      FailConfig(file, number, "",
                 "bytes that are not UTF-8; expected UTF-8 text");
    }
    for (const char c : line) {
      if (!IsControl(c) || c == '\t' || c == '\r') continue;
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "0x%02x", c);
      FailConfig(file, number, "",
                 std::string("the control character ") + code.data() +
                     "; expected text");
    }
  }
}

void CheckIsOneDocument(const std::string& text, const std::string& file) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  DocumentCheck check(file);
  while (parser.HandleNextDocument(check)) {
  }
}

}  // namespace gunicorn_exporter
