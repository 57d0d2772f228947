#include "collectors/process/read/socket_filter.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>

#include <cstring>
#include <optional>

namespace gunicorn_exporter {
namespace {

struct Ports {
  std::uint16_t local, peer;
  std::uint64_t cgroup = 1;
};

// As inet_diag_bc_run() does it; nothing where the program leaves its bounds.
std::optional<bool> Passes(const std::vector<std::uint8_t>& program,
                           Ports ports) {
  const auto read = [&](std::size_t at, auto value) {
    std::memcpy(&value, &program.at(at), sizeof value);
    return value;
  };
  std::size_t at = 0;
  while (at < program.size()) {
    const auto op = read(at, inet_diag_bc_op{});
    const auto port = [&] {
      return read(at + sizeof op, inet_diag_bc_op{}).no;
    };
    bool yes = false;
    switch (op.code) {
      case INET_DIAG_BC_JMP:
        break;
      case INET_DIAG_BC_S_GE:
        yes = ports.local >= port();
        break;
      case INET_DIAG_BC_S_LE:
        yes = ports.local <= port();
        break;
      case INET_DIAG_BC_D_GE:
        yes = ports.peer >= port();
        break;
      case INET_DIAG_BC_D_LE:
        yes = ports.peer <= port();
        break;
      case INET_DIAG_BC_CGROUP_COND:
        yes = ports.cgroup == read(at + sizeof op, std::uint64_t{});
        break;
      default:
        return std::nullopt;
    }
    at += yes ? op.yes : op.no;
  }
  if (at == program.size()) return true;
  if (at == program.size() + sizeof(inet_diag_bc_op)) return false;
  return std::nullopt;
}

TEST(ToProgram, LetsThroughWhatOneConditionFits) {
  const SocketFilter filter{{80, 8000}, {5432, 6379}, {77, 1ULL << 40U}};
  const std::vector<std::uint8_t> program = ToProgram(filter);
  const struct {
    Ports ports;
    bool passes;
  } table[] = {
      {{80, 1}, true},        {{8000, 1}, true},
      {{79, 1}, false},       {{81, 1}, false},
      {{7999, 1}, false},     {{8001, 1}, false},
      {{40000, 5432}, true},  {{40000, 6379}, true},
      {{5432, 40000}, false}, {{40000, 5431}, false},
      {{40000, 6380}, false}, {{40000, 80}, false},
      {{1, 1, 77}, true},     {{1, 1, 1ULL << 40U}, true},
      {{1, 1, 78}, false},    {{65535, 65535}, false},
      {{0, 0, 0}, false},
  };
  for (const auto& row : table) {
    EXPECT_EQ(Passes(program, row.ports), row.passes)
        << row.ports.local << " " << row.ports.peer << " " << row.ports.cgroup;
  }
}

TEST(ToProgram, TakesOneConditionOfEachKind) {
  EXPECT_EQ(Passes(ToProgram({.peer_ports = {5432}}), {1, 5432}), true);
  EXPECT_EQ(Passes(ToProgram({.peer_ports = {5432}}), {5432, 1}), false);
  EXPECT_EQ(Passes(ToProgram({.cgroups = {5}}), {5, 5, 5}), true);
  EXPECT_EQ(Passes(ToProgram({.cgroups = {5}}), {5, 5, 6}), false);
}

TEST(SocketFilter, KnowsTheCheapestQuestion) {
  EXPECT_TRUE(SocketFilter().IsNothing());
  EXPECT_TRUE(SocketFilter{{80}}.IsOneLocalPort());
  EXPECT_FALSE((SocketFilter{{80, 81}}.IsOneLocalPort()));
  EXPECT_FALSE((SocketFilter{{80}, {5432}}.IsOneLocalPort()));
  EXPECT_FALSE((SocketFilter{.all = true}.IsNothing()));
}

}  // namespace
}  // namespace gunicorn_exporter
