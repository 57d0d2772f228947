#include "exporter/web/request_frame.h"

#include <charconv>
#include <optional>
#include <system_error>

#include "exporter/web/header_text.h"

namespace gunicorn_exporter {
namespace {

RequestFrame Refused(int status) {
  RequestFrame frame;
  frame.state = RequestFrame::State::kRefused;
  frame.status = status;
  return frame;
}

// Digits only: no sign, no list.
std::optional<std::size_t> ParseLength(std::string_view text) {
  std::size_t length = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, length);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return length;
}

// Reads the header lines of a whole head for what says how long the body is.
RequestFrame ReadBodyLength(std::string_view head) {
  RequestFrame frame;
  frame.state = RequestFrame::State::kComplete;
  bool has_length = false;
  std::size_t line_begin = head.find("\r\n") + 2;
  while (line_begin + 2 < head.size()) {
    const std::size_t line_end = head.find("\r\n", line_begin);
    const std::string_view line =
        head.substr(line_begin, line_end - line_begin);
    line_begin = line_end + 2;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return Refused(400);
    const std::string_view name = line.substr(0, colon);
    if (EqualsIgnoringCase(name, "Transfer-Encoding")) return Refused(411);
    if (!EqualsIgnoringCase(name, "Content-Length")) continue;
    const auto length = ParseLength(TrimBlanks(line.substr(colon + 1)));
    if (!length.has_value() || (has_length && *length != frame.body)) {
      return Refused(400);
    }
    if (*length > kMaxRequestBodyBytes) return Refused(413);
    frame.body = *length;
    has_length = true;
  }
  return frame;
}

}  // namespace

RequestFrame FrameRequest(std::string_view bytes) {
  std::size_t skip = 0;
  while (bytes.substr(skip).starts_with("\r\n")) skip += 2;
  bytes.remove_prefix(skip);

  const std::size_t blank_line = bytes.find("\r\n\r\n");
  const std::size_t known_head =
      blank_line == std::string_view::npos ? bytes.size() : blank_line + 4;
  const std::string_view head = bytes.substr(0, known_head);
  // A line that ends without \r, or a NUL, makes readers differ about where a
  // header ends.
  for (std::size_t at = head.find('\n'); at != std::string_view::npos;
       at = head.find('\n', at + 1)) {
    if (at == 0 || head[at - 1] != '\r') return Refused(400);
  }
  if (head.find('\0') != std::string_view::npos) return Refused(400);
  if (head.size() > kMaxRequestHeadBytes || skip > kMaxRequestHeadBytes) {
    return Refused(431);
  }
  if (blank_line == std::string_view::npos) return {};

  RequestFrame frame = ReadBodyLength(head);
  if (frame.state == RequestFrame::State::kRefused) return frame;
  frame.skip = skip;
  frame.head = head.size();
  if (bytes.size() < frame.head + frame.body) {
    frame.state = RequestFrame::State::kIncomplete;
  }
  return frame;
}

}  // namespace gunicorn_exporter
