// Where the relay sends to, "host:port": looked up in a thread of its own, for
// a name server may let it wait. At once, every minute, and when asked to.
//
// A name that cannot be looked up, or that this machine cannot send to, is told
// in the log and tried again; what was found before holds on. One that leads
// back to this program is not used.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

class RelayTarget {
 public:
  // A UDP socket connected to the address; throws ConfigError, and may wait.
  using Connect = std::function<FileDescriptor(const std::string& address)>;

  // `own`: the addresses that this program receives at. Throws ConfigError
  // where the text is no address, and where it is one of them and that is known
  // within two seconds.
  RelayTarget(const std::string& address, std::vector<std::string> own,
              Connect connect);
  // Does not wait for a name server.
  ~RelayTarget();
  RelayTarget(const RelayTarget&) = delete;
  RelayTarget& operator=(const RelayTarget&) = delete;

  // Any thread, as what follows; neither waits.
  void LookAgain();
  // Null: there is none yet.
  std::shared_ptr<const FileDescriptor> socket() const;

 private:
  struct State;

  // The thread's too, which may outlive this.
  const std::shared_ptr<State> state_;
};

}  // namespace gunicorn_exporter
