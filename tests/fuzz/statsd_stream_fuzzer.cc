// Any bytes as a TCP stream, cut anywhere: the lines are the same however it is
// cut, and none is too long. The first byte tells the size of the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/statsd/receive/tcp_receiver.h"

namespace gunicorn_exporter {
namespace {

struct Framed {
  std::vector<std::string> lines;
  bool ok = true;

  bool operator==(const Framed&) const = default;
};

Framed Frame(std::string_view stream, std::size_t piece_size) {
  Framed framed;
  LineFramer framer;
  const auto handle = [&](std::string_view line) {
    if (line.find('\n') != std::string_view::npos) std::abort();
    if (line.size() > kLongestLine + 1) std::abort();
    framed.lines.emplace_back(line);
  };
  while (!stream.empty() && framed.ok) {
    framed.ok = framer.Feed(stream.substr(0, piece_size), handle);
    stream.remove_prefix(std::min(piece_size, stream.size()));
  }
  if (framed.ok) framer.Finish(handle);
  return framed;
}

}  // namespace
}  // namespace gunicorn_exporter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  const std::size_t piece = std::size_t{data[0]} + 1;
  if (gunicorn_exporter::Frame(stream, stream.size() + 1) !=
      gunicorn_exporter::Frame(stream, piece)) {
    std::abort();
  }
  return 0;
}
