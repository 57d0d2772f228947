#include "collectors/statsd/lines/text_marks.h"

#include <gtest/gtest.h>

#include <string>

#include "collectors/statsd/who/string_table.h"

namespace gunicorn_exporter {
namespace {

TEST(TextMarks, MarksColonsBarsAndWhatIsNotAscii) {
  const TextMarks marks = MarkText("a:1|c|#\xC3\xBC:\xC3\xBC");
  EXPECT_EQ(marks.colons, 0b1000000010U);
  EXPECT_EQ(marks.bars, 0b0000101000U);
  EXPECT_EQ(marks.not_ascii, 0b110110000000U);
}

TEST(TextMarks, AreTheSameByteByByteForEveryLengthAndPlace) {
  constexpr std::size_t kLongest = 130;
  for (std::size_t size = 0; size <= kLongest; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      for (const char mark : {':', '|', '\x80', '\xFF', '\0', 'x'}) {
        // On the heap, so that a sanitiser sees a byte read past the end.
        std::string text(size, 'n');
        text[place] = mark;
        text.shrink_to_fit();
        EXPECT_EQ(MarkText(text), MarkBytes(text)) << size << " " << place;
      }
    }
  }
}

TEST(TextMarks, LeaveOutWhatStandsPastTheMarkedBytes) {
  std::string text(kMarkedBytes, 'n');
  text += ":|\x80";
  EXPECT_EQ(MarkText(text), TextMarks());
}

TEST(StringTable, TellsTextsApartInEveryPlaceOfEveryLength) {
  constexpr std::size_t kLongest = 40;
  for (std::size_t size = 0; size <= kLongest; ++size) {
    const std::string text(size, 'n');
    StringTable<std::size_t> table;
    table.Insert(text, size);
    EXPECT_NE(table.Find(std::string(size, 'n')), nullptr);
    EXPECT_EQ(table.Find(text + "n"), nullptr);
    for (std::size_t place = 0; place < size; ++place) {
      std::string other = text;
      other[place] = 'm';
      EXPECT_EQ(table.Find(other), nullptr) << size << " " << place;
      // A byte that the hash left out would let strangers prepare collisions.
      EXPECT_NE(KeyedHash(text), KeyedHash(other)) << size << " " << place;
    }
  }
}

TEST(StringTable, IsEmptyOnceItWasCleared) {
  StringTable<std::size_t> table;
  table.Insert("shop", 1);
  table.Clear();
  EXPECT_EQ(table.Find("shop"), nullptr);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.key_bytes(), 0U);
}

}  // namespace
}  // namespace gunicorn_exporter
