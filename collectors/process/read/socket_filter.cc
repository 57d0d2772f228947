#include "collectors/process/read/socket_filter.h"

#include <linux/inet_diag.h>

#include <utility>

namespace gunicorn_exporter {
namespace {

// The unit in which an instruction says how far to go on.
constexpr unsigned kWord = sizeof(inet_diag_bc_op);
// Two comparisons of two words, and a jump to acceptance.
constexpr unsigned kPortSize = 5 * kWord;
// One comparison with an id of two words, and that jump.
constexpr unsigned kCgroupSize = 4 * kWord;

class Program {
 public:
  explicit Program(std::size_t conditions_size) : end_(conditions_size) {}

  void AddPort(unsigned char at_least, unsigned char at_most,
               std::uint16_t port) {
    Add(at_least, 2 * kWord, kPortSize);
    Append(inet_diag_bc_op{0, 0, port});
    Add(at_most, 2 * kWord, kPortSize - 2 * kWord);
    Append(inet_diag_bc_op{0, 0, port});
    Accept();
  }

  void AddCgroup(std::uint64_t id) {
    Add(INET_DIAG_BC_CGROUP_COND, 3 * kWord, kCgroupSize);
    Append(id);
    Accept();
  }

  // Reached where no condition fits. The end of the program accepts; one word
  // past it refuses.
  std::vector<std::uint8_t> Take() && {
    Add(INET_DIAG_BC_JMP, kWord, 2 * kWord);
    return std::move(code_);
  }

 private:
  template <typename T>
  void Append(const T& value) {
    const auto* const begin = reinterpret_cast<const std::uint8_t*>(&value);
    code_.insert(code_.end(), begin, begin + sizeof(T));
  }

  void Add(unsigned char op, unsigned yes, std::size_t no) {
    Append(inet_diag_bc_op{op, static_cast<unsigned char>(yes),
                           static_cast<std::uint16_t>(no)});
  }

  // A jump: `no` is always taken.
  void Accept() { Add(INET_DIAG_BC_JMP, kWord, end_ + kWord - code_.size()); }

  const std::size_t end_;  // Of the conditions.
  std::vector<std::uint8_t> code_;
};

}  // namespace

std::vector<std::uint8_t> ToProgram(const SocketFilter& filter) {
  Program program((filter.local_ports.size() + filter.peer_ports.size()) *
                      kPortSize +
                  filter.cgroups.size() * kCgroupSize);
  for (const std::uint16_t port : filter.local_ports) {
    program.AddPort(INET_DIAG_BC_S_GE, INET_DIAG_BC_S_LE, port);
  }
  for (const std::uint16_t port : filter.peer_ports) {
    program.AddPort(INET_DIAG_BC_D_GE, INET_DIAG_BC_D_LE, port);
  }
  for (const std::uint64_t id : filter.cgroups) program.AddCgroup(id);
  return std::move(program).Take();
}

}  // namespace gunicorn_exporter
