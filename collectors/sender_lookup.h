// Whose gunicorn sent this datagram? Asked by the StatsD receiver, answered by
// the process side. Each call reads the system anew: the caller keeps the
// answers.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "collectors/sender_questions.h"

namespace gunicorn_exporter {

// Thread rule: any thread, several at once. No call throws. FindByPid and
// FindByUdpSource may look at the process table, and wait for others that do:
// milliseconds as a rule, so remember a "no" too. The rest never waits.
class SenderLookup {
 public:
  virtual ~SenderLookup() = default;
  // The app of the gunicorn that `pid` is a process of, by its master (unix
  // socket, SCM_CREDENTIALS). A gunicorn that no scan has seen yet is found all
  // the same.
  virtual std::optional<Sender> FindByPid(pid_t pid) = 0;
  // The app of a UDP packet's source: its port is a socket of a known gunicorn,
  // or its address belongs to one of a known gunicorn's network namespace.
  // Where no single process can be named, pid is 0.
  virtual std::optional<Sender> FindByUdpSource(
      const sockaddr_storage& source) = 0;
  // Changes whenever an answer given before may no longer hold: a gunicorn
  // came, went, or changed its name. Cheap enough to ask for each packet.
  virtual std::uint64_t Generation() const = 0;
  // False while the process table hangs: a "no" then says nothing, and an older
  // answer stays the best there is.
  virtual bool Answers() const { return true; }
};

}  // namespace gunicorn_exporter
