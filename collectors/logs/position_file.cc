#include "collectors/logs/position_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "config/base/error_text.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;

// Paths need not be UTF-8, which JSON wants; bytes are written as digits.
std::string ToHex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 0xf];
  }
  return hex;
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned byte = 0;
    const char* const pair = hex.data() + i;
    if (std::from_chars(pair, pair + 2, byte, 16).ptr != pair + 2)
      throw std::runtime_error("bytes that are no hexadecimal digits");
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

[[noreturn]] void Fail(const std::string& file, const std::string& problem) {
  throw std::runtime_error(file + ": " + problem);
}

void WriteWhole(const std::string& file, std::string_view text) {
  const FileDescriptor fd(
      open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd) Fail(file, ErrorText(errno));
  while (!text.empty()) {
    const ssize_t written = write(fd.get(), text.data(), text.size());
    if (written < 0 && errno != EINTR) break;
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  if (text.empty() && fsync(fd.get()) == 0) return;
  const std::string error = ErrorText(errno);
  unlink(file.c_str());
  Fail(file, error);
}

}  // namespace

std::optional<KeptPositions> LoadPositions(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (errno == ENOENT) return std::nullopt;
    Fail(file, ErrorText(errno));
  }
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  KeptPositions positions;
  try {
    const Json root = Json::parse(text);
    if (root.at("version").get<int>() != kVersion)
      Fail(file, "a version that is not known");
    if (root.contains("logs")) {
      positions.logs.emplace();
      for (const Json& log : root.at("logs"))
        positions.logs->push_back(FromHex(log.get<std::string>()));
    }
    for (const Json& entry : root.at("files")) {
      FilePosition& position = positions.files.emplace_back();
      position.log = FromHex(entry.at("log").get<std::string>());
      position.path = FromHex(entry.at("path").get<std::string>());
      entry.at("device").get_to(position.id.device);
      entry.at("inode").get_to(position.id.inode);
      entry.at("offset").get_to(position.offset);
      position.head = FromHex(entry.at("head").get<std::string>());
      position.tail = FromHex(entry.at("tail").get<std::string>());
      position.real_path = FromHex(entry.value("real_path", ""));
      position.is_closed = entry.value("is_closed", false);
    }
  } catch (const Json::exception& error) {
    Fail(file, std::string("is no position file: ") + error.what());
  }
  return positions;
}

void SavePositions(const std::string& file, const KeptPositions& positions) {
  Json files = Json::array();
  for (const FilePosition& position : positions.files) {
    files.push_back({{"log", ToHex(position.log)},
                     {"path", ToHex(position.path)},
                     {"real_path", ToHex(position.real_path)},
                     {"device", position.id.device},
                     {"inode", position.id.inode},
                     {"offset", position.offset},
                     {"head", ToHex(position.head)},
                     {"tail", ToHex(position.tail)},
                     {"is_closed", position.is_closed}});
  }
  Json root = {{"version", kVersion}, {"files", files}};
  if (positions.logs) {
    root["logs"] = Json::array();
    for (const std::string& log : *positions.logs)
      root["logs"].push_back(ToHex(log));
  }
  const std::string next = file + ".new";
  WriteWhole(next, root.dump() + "\n");
  if (std::rename(next.c_str(), file.c_str()) != 0)
    Fail(file, ErrorText(errno));
}

}  // namespace gunicorn_exporter
