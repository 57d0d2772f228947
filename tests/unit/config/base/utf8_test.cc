#include "config/base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gunicorn_exporter {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";

// The first and the last character of each length (RFC 3629, section 4).
TEST(Utf8, KeepsEveryCharacter) {
  for (const std::string text :
       {"\x01", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xE0\xBF\xBF",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
    EXPECT_EQ(ToValidUtf8("a" + text + "b"), "a" + text + "b");
  }
}

TEST(Utf8, ReplacesEachByteThatIsPartOfNoCharacter) {
  const std::vector<std::string> no_first_byte{"\x80", "\xC1\x80"};
  const std::vector<std::string> cut{"\xC2", "\xE0\xA0", "\xF0\x90\x80"};
  const std::vector<std::string> ended_early{"\xC2\x41", "\xE1\x80\x41",
                                             "\xF1\x80\x80 "};
  const std::vector<std::string> overlong{"\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF"};
  const std::vector<std::string> not_of_unicode{
      "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"};
  for (const auto& texts :
       {no_first_byte, cut, ended_early, overlong, not_of_unicode}) {
    for (const std::string& text : texts) {
      EXPECT_FALSE(IsValidUtf8(text)) << text;
      std::string replaced;
      for (const char byte : text) {
        replaced += (byte & 0x80) != 0 ? std::string(kReplacement)
                                       : std::string(1, byte);
      }
      EXPECT_EQ(ToValidUtf8("a" + text), "a" + replaced);
    }
  }
}

// Text is looked at eight bytes at a time.
TEST(Utf8, FindsAByteAtAnyPlace) {
  for (std::size_t size = 1; size <= 20; ++size) {
    for (std::size_t i = 0; i < size; ++i) {
      std::string text(size, 'a');
      EXPECT_TRUE(IsValidUtf8(text));
      text[i] = '\xFF';
      EXPECT_FALSE(IsValidUtf8(text)) << i << " of " << size;
    }
  }
}

}  // namespace
}  // namespace gunicorn_exporter
