#include "collectors/process/read/proc_parse.h"

#include <limits>

#include "collectors/process/read/text_fields.h"
#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

// Linux' include/linux/sched.h.
constexpr std::uint64_t kForkedNoExec = 0x00000040;

std::optional<pid_t> ParsePid(std::string_view text) {
  const auto number = ParseDecimal(text);
  if (!number || *number > std::numeric_limits<pid_t>::max()) {
    return std::nullopt;
  }
  return static_cast<pid_t>(*number);
}

}  // namespace

std::optional<std::uint64_t> ParseDecimal(std::string_view text) {
  return ParseNumber<std::uint64_t>(text);
}

std::optional<std::uint64_t> ParseHex(std::string_view text) {
  return ParseNumber<std::uint64_t>(text, 16);
}

std::optional<ProcStat> ParseProcStat(std::string_view text) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos ||
      close < open || open < 2) {
    return std::nullopt;
  }
  ProcStat stat;
  const auto pid = ParsePid(text.substr(0, open - 1));
  if (!pid) return std::nullopt;
  stat.pid = *pid;
  stat.comm = text.substr(open + 1, close - open - 1);

  // Fields are numbered as in proc(5): `state` is the third.
  std::string_view rest = text.substr(close + 1);
  const std::string_view state = NextField(rest);
  if (state.size() != 1) return std::nullopt;
  stat.state = state.front();
  const auto ppid = ParsePid(NextField(rest));
  if (!ppid) return std::nullopt;
  stat.ppid = *ppid;
  for (int field = 5; field <= 24; ++field) {
    const std::string_view word = NextField(rest);
    std::uint64_t* target = nullptr;
    std::uint64_t flags = 0;
    if (field == 9) target = &flags;
    if (field == 14) target = &stat.user_ticks;
    if (field == 15) target = &stat.system_ticks;
    if (field == 20) target = &stat.threads;
    if (field == 22) target = &stat.start_time;
    if (field == 24) target = &stat.resident_pages;
    if (target == nullptr) continue;
    const auto number = ParseDecimal(word);
    if (!number) return std::nullopt;
    *target = *number;
    if (field == 9) stat.forked_only = (flags & kForkedNoExec) != 0;
  }
  for (int field = 25; field < 34; ++field) NextField(rest);
  stat.caught_signals = ParseDecimal(NextField(rest)).value_or(0);
  return stat;
}

std::optional<std::uint64_t> ParseBootTime(std::string_view text) {
  const auto value = FindLine(text, "btime ");
  return value ? ParseDecimal(*value) : std::nullopt;
}

std::optional<std::uint64_t> ParsePss(std::string_view text) {
  auto value = FindLine(text, "Pss:");
  if (!value) return std::nullopt;
  const auto kibibytes = ParseDecimal(NextField(*value));
  if (!kibibytes || *kibibytes > (std::uint64_t{1} << 53) ||
      NextField(*value) != "kB") {
    return std::nullopt;
  }
  return *kibibytes * 1024;
}

std::optional<uid_t> ParseEffectiveUid(std::string_view text) {
  auto value = FindLine(text, "Uid:");
  if (!value) return std::nullopt;
  NextField(*value);
  const auto uid = ParseDecimal(NextField(*value));
  if (!uid || *uid > std::numeric_limits<uid_t>::max()) return std::nullopt;
  return static_cast<uid_t>(*uid);
}

std::optional<std::uint64_t> ParseListenOverflows(std::string_view text) {
  while (!text.empty()) {
    std::string_view names = NextLine(text);
    std::string_view values = NextLine(text);
    if (NextField(names) != "TcpExt:" || NextField(values) != "TcpExt:") {
      continue;
    }
    while (!names.empty() && !values.empty()) {
      const std::string_view name = NextField(names);
      const std::string_view value = NextField(values);
      if (name == "ListenOverflows") return ParseDecimal(value);
    }
  }
  return std::nullopt;
}

}  // namespace gunicorn_exporter
