#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "exporter/scrape/content_negotiation.h"

namespace gunicorn_exporter {
namespace {

std::string Gunzip(std::string compressed) {
  z_stream stream = {};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string text(8 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(Gzip, IsUndoneByZlib) {
  std::string noise;  // What does not shrink.
  unsigned state = 1;
  for (int i = 0; i < 1 << 20; ++i) {
    state = state * 1664525U + 1013904223U;
    noise += static_cast<char>(state >> 24U);
  }
  for (const std::string& text :
       {std::string(), std::string("a"), std::string(1 << 20, 'x'), noise}) {
    EXPECT_EQ(Gunzip(Gzip(text)), text);
  }
}

TEST(Gzip, ShrinksWhatRepeats) {
  EXPECT_LT(Gzip(std::string(1 << 20, 'x')).size(), 20'000U);
}

}  // namespace
}  // namespace gunicorn_exporter
