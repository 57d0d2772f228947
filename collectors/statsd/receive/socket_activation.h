// Sockets that systemd opened for us and keeps open over a restart.
// sd_listen_fds(3): LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES tell of
// descriptors from 3 on.
#pragma once

#include <string>
#include <vector>

#include "collectors/statsd/receive/socket.h"

namespace gunicorn_exporter {

// Told apart by what they are; each replaces the flags of its transport.
struct InheritedSockets {
  std::vector<FileDescriptor> udp;
  std::vector<FileDescriptor> tcp;
  std::vector<FileDescriptor> unixgram;
  std::vector<FileDescriptor> web;  // TCP or unix; then `tcp` is empty.
};

// The three variables; an empty text where one is not set.
struct ActivationVariables {
  std::string pid;
  std::string count;
  std::string names;
};

// Reads the environment and takes the variables out of it, so that they are
// used once.
ActivationVariables TakeActivationVariables();

// Empty where the variables are meant for another process. `for_web`: sockets
// that accept are the web's. A socket of no use is left alone and logged.
// Throws ConfigError where the variables are wrong.
InheritedSockets TakeInheritedSockets(const ActivationVariables& variables,
                                      int first_fd = 3, bool for_web = false);

}  // namespace gunicorn_exporter
