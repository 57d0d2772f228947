// The file in which the log collector keeps its places over a restart
// (--logs.position-file): JSON, written to a new file that takes the old one's
// name, so that a crash leaves the one or the other.
//
//     {"version": 1, "logs": ["2f76..."],
//      "files": [{"log": "2f76...", "path": "2f76...", "real_path": "2f76...",
//      "device": 2049, "inode": 131, "offset": 7300, "head": "3132...",
//      "tail": "2d22...", "is_closed": false}]}
//
// Paths and contents are bytes as hexadecimal digits: they need not be UTF-8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gunicorn_exporter {

// Which file of the machine; a number is free again once its file is gone.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads <=> as a 0.
  auto operator<=>(const FileId&) const = default;
};

// How far a file was read.
struct FilePosition {
  std::string log;   // `path` of the `logs` entry that it was found by.
  std::string path;  // Where it lay last.
  FileId id;
  std::uint64_t offset = 0;  // Bytes; where the next message begins.
  // Both are empty where it could not be opened: `offset` is where it then
  // ended.
  std::string head;  // The file's first bytes, by which a copy is known.
  std::string tail;  // The bytes before `offset`.
  // `path` without links: where it may be rotated. Empty: it is not told.
  std::string real_path;
  // It was closed, for nobody wrote to it any more. It may come back.
  bool is_closed = false;

  bool operator==(const FilePosition&) const = default;
};

struct KeptPositions {
  // `path` of each `logs` entry that was followed, also of those that had no
  // file: what such a one finds later is new. Empty: it is not told.
  std::optional<std::vector<std::string>> logs;
  std::vector<FilePosition> files;

  bool operator==(const KeptPositions&) const = default;
};

// Empty where there is no such file. Throws std::runtime_error where it cannot
// be read or is no position file.
std::optional<KeptPositions> LoadPositions(const std::string& file);

// Throws std::runtime_error where it cannot be written.
void SavePositions(const std::string& file, const KeptPositions& positions);

}  // namespace gunicorn_exporter
