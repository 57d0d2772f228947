#include "exporter/web/request_frame.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

namespace gunicorn_exporter {

std::string_view TrimBlanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

namespace {

// Digits only: no sign, no list.
std::optional<std::size_t> ParseLength(std::string_view text) {
  std::size_t length = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, length);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return length;
}

// Calls take(name, value) for each header of a whole head. False at a line
// without a name and a colon right behind it: a blank there, or before the name
// (a line that goes on), is read by others as another header.
template <typename Take>
bool ForEachHeader(std::string_view head, Take take) {
  std::size_t begin = head.find("\r\n") + 2;
  while (begin + 2 < head.size()) {
    const std::size_t end = head.find("\r\n", begin);
    const std::string_view line = head.substr(begin, end - begin);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    if (line.find_first_of(" \t") < colon) return false;
    take(line.substr(0, colon), TrimBlanks(line.substr(colon + 1)));
    begin = end + 2;
  }
  return true;
}

// Reads the headers of a whole head for what says how long the body is.
RequestFrame ReadBodyLength(std::string_view head) {
  RequestFrame frame;
  bool has_length = false;
  const auto refuse = [&frame](int status) {
    if (frame.status == 0) frame.status = status;
  };
  const bool well_formed =
      ForEachHeader(head, [&](std::string_view name, std::string_view value) {
        if (EqualsIgnoringCase(name, "Transfer-Encoding")) refuse(411);
        if (!EqualsIgnoringCase(name, "Content-Length")) return;
        const auto length = ParseLength(value);
        if (!length.has_value() || (has_length && *length != frame.body)) {
          refuse(400);
          return;
        }
        if (*length > kMaxRequestBodyBytes) refuse(413);
        frame.body = *length;
        has_length = true;
      });
  if (!well_formed) refuse(400);
  return frame;
}

RequestFrame Refused(int status) {
  RequestFrame frame;
  frame.state = RequestFrame::State::kRefused;
  frame.status = status;
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
  // A \n or \r without the other, or a NUL, makes readers differ about where a
  // header ends.
  for (std::size_t at = head.find_first_of("\r\n"); at < head.size();
       at = head.find_first_of("\r\n", at + 2)) {
    if (at + 1 == head.size() && head[at] == '\r') break;  // More may come.
    if (head.substr(at, 2) != "\r\n") return Refused(400);
  }
  if (head.find('\0') != std::string_view::npos) return Refused(400);
  if (head.size() > kMaxRequestHeadBytes || skip > kMaxRequestHeadBytes) {
    return Refused(431);
  }
  if (blank_line == std::string_view::npos) return {};

  RequestFrame frame = ReadBodyLength(head);
  if (frame.status != 0) return Refused(frame.status);
  frame.skip = skip;
  frame.head = head.size();
  if (bytes.size() >= frame.head + frame.body) {
    frame.state = RequestFrame::State::kComplete;
  } else {
    frame.expects_continue =
        head.substr(0, head.find("\r\n")).ends_with(" HTTP/1.1") &&
        ListHas(HeaderOf(head, "Expect"), "100-continue");
  }
  return frame;
}

std::string HeaderOf(std::string_view head, std::string_view name) {
  std::string joined;
  ForEachHeader(head, [&](std::string_view found, std::string_view value) {
    if (!EqualsIgnoringCase(found, name)) return;
    if (!joined.empty()) joined += ", ";
    joined += value;
  });
  return joined;
}

bool ListHas(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (EqualsIgnoringCase(TrimBlanks(list.substr(0, end)), word)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

bool EqualsIgnoringCase(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         strncasecmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace gunicorn_exporter
