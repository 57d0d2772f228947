// Asks a gunicorn master for its settings: one `show config` by its control
// socket, which gunicorn has since 25.1.
//
// A message is its length, four bytes, big-endian, and so many bytes of JSON:
//
//     {"id": 1, "command": "show config"}
//
//     {"id": 1, "status": "ok", "data": {
//       "worker_class": "<class 'gunicorn.workers.gthread.ThreadWorker'>",
//       "threads": 4, "worker_connections": 1000, "timeout": 30, ...}}
//     {"id": 1, "status": "error", "error": "Unknown command: show"}
//
// Sources: gunicorn's guide "Control Interface (gunicornc)" for the frame and
// the messages; for what `data` holds, and that a class is there as Python
// prints it, gunicorn/ctl/handlers.py.
//
// What is not understood is nothing. Safe from any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/process/find/gunicorn_command.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

// A configuration takes about 1 KiB; a longer answer than this is not read.
inline constexpr std::size_t kLongestControlMessage = 65536;

// What is sent: the message above with its length.
std::string ShowConfigMessage();

// How long the message is that begins so, its length's bytes included. Nothing
// where these have not all come yet.
std::optional<std::size_t> ControlMessageSize(std::string_view beginning);

// `message` with its length. Pure.
std::optional<GunicornSettings> ParseShowConfig(std::string_view message);

// "<class 'gunicorn.workers.gthread.ThreadWorker'>" to "gthread", as --worker-
// class has it; a class that is not gunicorn's own to its path:
// "uvicorn.workers.UvicornWorker". Pure.
std::string ToWorkerClass(std::string_view printed);

// Sends to the first of the sockets that `master` itself listens on, as the
// kernel says (SO_PEERCRED); to the others not a byte. `sockets` are opened
// with O_PATH. Takes `timeout` at most, also where the master is stopped, and
// leaves no connection behind.
std::optional<GunicornSettings> AskForConfig(
    pid_t master, const std::vector<FileDescriptor>& sockets,
    std::chrono::milliseconds timeout);

}  // namespace gunicorn_exporter
