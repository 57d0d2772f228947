#include "collectors/process/sockets/attention.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "collectors/process/read/text_fields.h"
#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

// The number of the system call; `fields` then begins with its arguments.
std::optional<int> TakeCall(std::string_view& fields) {
  return ParseNumber<int>(NextField(fields));
}

template <typename Number>
std::optional<Number> TakeArgument(std::string_view& fields) {
  std::string_view argument = NextField(fields);
  if (!argument.starts_with("0x")) return std::nullopt;
  argument.remove_prefix(2);
  return ParseNumber<Number>(argument, 16);
}

// Nothing where what its threads wait in cannot be told.
std::optional<std::set<int>> ReadReadDescriptors(ProcReader& reader,
                                                 pid_t pid) {
  const Directory tasks =
      ToDirectory(reader.Open(pid, "task", O_RDONLY | O_DIRECTORY));
  if (!tasks) return std::nullopt;
  FileDescriptor memory;
  std::set<int> descriptors;
  while (const dirent* entry = readdir(tasks.get())) {
    if (!ParseNumber<pid_t>(entry->d_name)) continue;
    const auto text = reader.ReadQuietly(
        pid, "task/" + std::string(entry->d_name) + "/syscall");
    if (!text) return std::nullopt;
    if (const auto number = ParseReadDescriptor(*text)) {
      descriptors.insert(*number);
    } else if (const auto address = ParsePollAddress(*text)) {
      if (!memory) memory = reader.Open(pid, "mem", O_RDONLY);
      pollfd waits{};
      if (!memory || pread(memory.get(), &waits, sizeof waits,
                           static_cast<off_t>(*address)) != sizeof waits) {
        return std::nullopt;
      }
      if ((waits.events & POLLIN) != 0) descriptors.insert(waits.fd);
    }
  }
  return descriptors;
}

}  // namespace

Attentions ReadAttentions(ProcReader& reader, pid_t pid,
                          const Descriptors& descriptors,
                          const std::set<std::uint64_t>& connections,
                          const std::set<std::uint64_t>& clients) {
  const auto& [links, held] = descriptors;
  Attentions attentions;
  std::vector<std::set<int>> epoll_sets;
  epoll_sets.reserve(held.epoll_sets.size());
  for (const int fd : held.epoll_sets) {
    const auto text = reader.ReadFdInfo(pid, fd);
    if (text) epoll_sets.push_back(ParseEpollSet(*text));
  }
  const auto waited_for = WaitedFor(links, epoll_sets, clients);
  if (waited_for.empty()) return attentions;
  std::map<std::uint64_t, int> elsewhere;
  for (const FdLink& link : links) {
    const auto inode = ParseSocketLink(link.target);
    if (!inode || !connections.contains(*inode)) continue;
    if (waited_for.contains(*inode)) {
      attentions[*inode] = Attention::kAwaited;
    } else {
      elsewhere[*inode] = link.fd;
    }
  }
  if (elsewhere.empty()) return attentions;
  const auto read = ReadReadDescriptors(reader, pid);
  if (!read) return attentions;
  for (const auto& [inode, fd] : elsewhere) {
    attentions[inode] =
        read->contains(fd) ? Attention::kRead : Attention::kServed;
  }
  return attentions;
}

std::set<std::uint64_t> WaitedFor(const std::vector<FdLink>& links,
                                  const std::vector<std::set<int>>& epoll_sets,
                                  const std::set<std::uint64_t>& clients) {
  std::set<std::uint64_t> waited_for;
  for (const FdLink& link : links) {
    const bool in_a_set = std::any_of(
        epoll_sets.begin(), epoll_sets.end(),
        [&](const std::set<int>& set) { return set.contains(link.fd); });
    if (!in_a_set) continue;
    if (link.target == "anon_inode:[eventfd]") return {};
    const auto inode = ParseSocketLink(link.target);
    if (!inode) continue;
    if (!clients.contains(*inode)) return {};
    waited_for.insert(*inode);
  }
  return waited_for;
}

std::set<int> ParseEpollSet(std::string_view fdinfo) {
  std::set<int> descriptors;
  while (!fdinfo.empty()) {
    std::string_view line = NextLine(fdinfo);
    if (NextField(line) != "tfd:") continue;
    if (const auto number = ParseNumber<int>(NextField(line))) {
      descriptors.insert(*number);
    }
  }
  return descriptors;
}

std::optional<int> ParseReadDescriptor(std::string_view syscall) {
  const auto call = TakeCall(syscall);
  if (call != SYS_read && call != SYS_recvfrom) return std::nullopt;
  return TakeArgument<int>(syscall);
}

std::optional<std::uint64_t> ParsePollAddress(std::string_view syscall) {
  const auto call = TakeCall(syscall);
  bool is_poll = call == SYS_ppoll;
#ifdef SYS_poll  // Not on every processor.
  is_poll = is_poll || call == SYS_poll;
#endif
  if (!is_poll) return std::nullopt;
  const auto address = TakeArgument<std::uint64_t>(syscall);
  return TakeArgument<unsigned>(syscall) == 1U ? address : std::nullopt;
}

}  // namespace gunicorn_exporter
