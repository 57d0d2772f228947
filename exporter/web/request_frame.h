// Where does a request end? Looked at before any of it is parsed, so that only
// a whole one, of a bounded size, is parsed at all (RFC 9112):
//
//     GET /metrics HTTP/1.1\r\n   ─┐
//     Host: localhost\r\n          ├ the head
//     \r\n                        ─┘
//     ...                           Content-Length bytes, mostly none
//
// Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gunicorn_exporter {

inline constexpr std::size_t kMaxRequestHeadBytes = 16 * 1024;
// No endpoint reads a body; one that a client sends all the same is skipped.
inline constexpr std::size_t kMaxRequestBodyBytes = 64 * 1024;

struct RequestFrame {
  enum class State { kIncomplete, kComplete, kRefused };
  State state = State::kIncomplete;
  std::size_t skip = 0;  // Empty lines before the request line.
  std::size_t head = 0;  // Bytes of the head, its empty line included.
  std::size_t body = 0;
  // Incomplete: the client sends its body once it is told to.
  bool expects_continue = false;
  // Of a refused request: the status to answer with. The connection cannot go
  // on, since its next request's place is not known.
  int status = 0;
};

// `bytes`: what the connection has sent so far, from the end of its last
// request on.
RequestFrame FrameRequest(std::string_view bytes);

// The value of a header of a whole head, without the blanks around it; empty
// where it is missing, joined by ", " where it comes more than once.
std::string HeaderOf(std::string_view head, std::string_view name);

// Whether the word is one of a comma-separated list, in any case.
bool ListHas(std::string_view list, std::string_view word);

// Without the blanks and tabs around it.
std::string_view TrimBlanks(std::string_view text);

bool EqualsIgnoringCase(std::string_view left, std::string_view right);

}  // namespace gunicorn_exporter
