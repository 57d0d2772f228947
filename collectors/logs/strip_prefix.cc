#include "collectors/logs/strip_prefix.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "collectors/logs/scan_text.h"

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::json;

constexpr int kMaxLayers = 4;
constexpr std::string_view kIsoTime = "9999-99-99T99:99:99";

// ESC [ 1 ; 3 2 m
bool RemoveColours(std::string_view text, std::string& out) {
  constexpr std::string_view kBegin = "\x1b[";
  std::size_t begin = text.find(kBegin);
  if (begin == text.npos) return false;
  while (begin != text.npos) {
    out += text.substr(0, begin);
    text.remove_prefix(begin + kBegin.size());
    const std::size_t end = text.find_first_not_of("0123456789;:");
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    begin = text.find(kBegin);
  }
  out += text;
  return true;
}

// journalctl writes what is no plain text as an array of bytes.
bool ReadText(const Json& value, std::string& out) {
  if (value.is_string()) {
    out = value.get<std::string>();
    return true;
  }
  if (!value.is_array()) return false;
  for (const Json& byte : value) {
    if (!byte.is_number_unsigned()) return false;
    out += static_cast<char>(byte.get<unsigned>());
  }
  return true;
}

bool TakeJson(StrippedLine& line, std::string& out) {
  const auto has = [&line](std::string_view key) {
    return line.text.find(key) != line.text.npos;
  };
  if (!line.text.starts_with('{')) return false;
  const bool is_docker = has("\"log\"") && has("\"stream\"");
  if (!is_docker && !(has("\"MESSAGE\"") && has("\"__REALTIME_TIMESTAMP\"")))
    return false;
  const Json object =
      Json::parse(line.text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return false;
  const auto text = object.find(is_docker ? "log" : "MESSAGE");
  if (text == object.end() || !ReadText(*text, out)) return false;
  if (!is_docker) return true;
  const auto stream = object.find("stream");
  if (stream == object.end() || !stream->is_string()) return false;
  line.is_stderr = *stream == "stderr";
  line.is_partial = !out.ends_with('\n');
  if (out.ends_with('\n')) out.pop_back();
  if (out.ends_with('\r')) out.pop_back();
  return true;
}

// 2024-05-13T06:08:22.86Z stderr F TEXT
//                         ^^^^^^ ^
bool TakeCri(StrippedLine& line) {
  if (!HasShape(line.text, kIsoTime)) return false;
  std::string_view rest = line.text;
  TakeUntil(rest, ' ');
  const std::string_view stream = TakeUntil(rest, ' ');
  if (stream != "stdout" && stream != "stderr") return false;
  std::string_view tags = TakeUntil(rest, ' ');
  const std::string_view tag = TakeUntil(tags, ':');
  if (tag != "F" && tag != "P") return false;
  line = {rest, stream == "stderr", tag == "P"};
  return true;
}

// Takes a time as syslog and journalctl write it, and the blank behind it.
//
//     Nov  2 05:33:19                   Nov 22 05:33:19.123456
//     2026-11-22T05:33:19.123456+00:00  Sun 2026-11-22 05:33:19 UTC
bool TakeTime(std::string_view& rest) {
  int words = 0;
  if (HasShape(rest, kIsoTime)) {
    words = 1;
  } else if (HasShape(rest, "aaa 9999-99-99 99:99:99")) {
    words = 4;
  } else if (HasShape(rest, "aaa a9 99:99:99")) {
    // "Nov  2": two blanks.
    words = rest[4] == ' ' ? 4 : 3;
  }
  for (int i = 0; i < words; ++i) TakeUntil(rest, ' ');
  return words > 0;
}

// <14>1 TIME host gunicorn 8865 - [id name="value"] TEXT
//                                 ^
bool TakeRfc5424(std::string_view& rest) {
  if (!TakeTime(rest)) return false;
  for (int i = 0; i < 4; ++i) TakeUntil(rest, ' ');
  if (TakeText(rest, "- ")) return true;
  while (TakeText(rest, "[")) {
    bool is_quoted = false;
    std::size_t end = 0;
    for (; end < rest.size() && (is_quoted || rest[end] != ']'); ++end) {
      if (rest[end] == '\\')
        ++end;
      else if (rest[end] == '"')
        is_quoted = !is_quoted;
    }
    if (end >= rest.size()) return false;
    rest.remove_prefix(end + 1);
  }
  return TakeText(rest, " ");
}

bool TakeSyslog(StrippedLine& line) {
  std::string_view rest = line.text;
  if (TakeText(rest, "<")) {
    TakeUntil(rest, '>');
    if (TakeText(rest, "1 ")) {
      if (!TakeRfc5424(rest)) return false;
      TakeText(rest, "\xef\xbb\xbf");
      line.text = rest;
      return true;
    }
  }
  if (!TakeTime(rest)) return false;
  TakeUntil(rest, ' ');  // The host.
  const std::string_view tag = TakeUntil(rest, ' ');
  if (!tag.ends_with(':')) return false;
  line.text = rest;
  return true;
}

}  // namespace

StrippedLine StripPrefix(std::string_view line, std::string& buffer) {
  StrippedLine stripped{line};
  for (int i = 0; i < kMaxLayers; ++i) {
    std::string decoded;
    if (RemoveColours(stripped.text, decoded) || TakeJson(stripped, decoded)) {
      buffer = std::move(decoded);
      stripped.text = buffer;
    } else if (!TakeCri(stripped) && !TakeSyslog(stripped)) {
      break;
    }
  }
  return stripped;
}

}  // namespace gunicorn_exporter
