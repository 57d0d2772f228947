#include "collectors/logs/position_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

TEST(PositionFile, GivesBackWhatItWasGiven) {
  const TempDir dir;
  const std::string file = dir / "positions";
  KeptPositions positions;
  positions.logs = {"/a/*.log", "/none\xff"};
  positions.files = {{"/a/*.log",
                      "/a/b\xff.log",
                      {1, 18'446'744'073'709'551'615U},
                      7,
                      "x\ny",
                      std::string("\0z", 2),
                      "/real/b\xff.log",
                      /*is_closed=*/true},
                     {"/c", "/c", {0, 0}, 0, "", "", ""}};
  SavePositions(file, positions);
  EXPECT_EQ(LoadPositions(file), positions);
  SavePositions(file, {});
  EXPECT_EQ(LoadPositions(file), KeptPositions());
  EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

TEST(PositionFile, IsEmptyBeforeTheFirstTime) {
  const TempDir dir;
  EXPECT_EQ(LoadPositions(dir / "positions"), std::nullopt);
}

// As earlier releases wrote it.
TEST(PositionFile, NeedsNoRealPath) {
  const TempDir dir;
  const std::string file = dir / "positions";
  WriteFile(file, R"({"version": 1, "files": [{"log": "61", "path": "62",
      "device": 1, "inode": 2, "offset": 3, "head": "63", "tail": "64"}]})");
  const std::optional<KeptPositions> positions = LoadPositions(file);
  ASSERT_TRUE(positions.has_value());
  EXPECT_EQ(positions->files,
            (std::vector<FilePosition>{{"a", "b", {1, 2}, 3, "c", "d", ""}}));
}

TEST(PositionFile, RefusesWhatIsNone) {
  const TempDir dir;
  const std::string file = dir / "positions";
  for (const char* text :
       {"", "x", "{}", "[]", R"({"version": 2, "files": []})",
        R"({"version": 1, "files": [{}]})",
        R"({"version": 1, "logs": [1], "files": []})",
        R"({"version": 1, "files": 5})",
        R"({"version": 1, "files": [{"log": "zz", "path": "", "device": 1,
            "inode": 1, "offset": 1, "head": "", "tail": ""}]})"}) {
    WriteFile(file, text);
    EXPECT_THROW(LoadPositions(file), std::runtime_error) << text;
  }
}

TEST(PositionFile, SaysWhatCannotBeRead) {
  const TempDir dir;
  WriteFile(dir / "file", "");
  const std::string file = dir / "file/positions";
  try {
    LoadPositions(file);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), file + ": Not a directory");
  }
}

TEST(PositionFile, SaysWhatCannotBeWritten) {
  const TempDir dir;
  const std::string file = dir / "missing/positions";
  try {
    SavePositions(file, {});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), file + ".new: No such file or directory");
  }
}

}  // namespace
}  // namespace gunicorn_exporter
