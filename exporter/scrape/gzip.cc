#include "exporter/scrape/gzip.h"

#include <zlib.h>

#include <new>

namespace gunicorn_exporter {
namespace {

// The fastest: exposition text shrinks to a tenth all the same, and each level
// above costs more CPU than the network saves.
constexpr int kLevel = 1;

// 15 is zlib's largest window; 16 asks for gzip's header.
constexpr int kWindowBits = 15 + 16;
constexpr int kMemoryLevel = 8;

}  // namespace

std::string Gzip(std::string_view bytes) {
  z_stream stream = {};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kWindowBits, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();  // The only way in which it fails here.
  }
  std::string compressed;
  compressed.resize(bytes.size() / 8 + 256);
  // zlib reads only; its interface predates const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int result = Z_OK;
  while (result != Z_STREAM_END) {
    if (stream.total_out == compressed.size()) {
      compressed.resize(compressed.size() * 2);
    }
    stream.next_out =
        reinterpret_cast<Bytef*>(compressed.data() + stream.total_out);
    stream.avail_out = static_cast<uInt>(compressed.size() - stream.total_out);
    result = deflate(&stream, Z_FINISH);
  }
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  return compressed;
}

}  // namespace gunicorn_exporter
