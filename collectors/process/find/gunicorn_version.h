// Which version of gunicorn does a process run?
//
// Told by the name of the metadata folder beside the package,
// gunicorn-X.dist-info or gunicorn-X.egg-info, in the process's own file system
// (/proc/PID/root). The folders to look in are those in which its Python does:
// that of the virtual environment that the program was started from, and the
// system's where it uses them (pyvenv.cfg). What was started stands in one
// string of the process's memory (/proc/PID/mem), or, where that may not be
// read, in its command line until a title overwrites it. Nothing in there is
// executed, and no symbolic link in there leads out of it. Needs
// CAP_SYS_PTRACE, and CAP_DAC_READ_SEARCH, for processes of other users. Empty
// rather than the version of another installation. A PYTHONPATH that leads to
// another is seen until a title overwrites the environment.
//
// Where that does not tell, a gunicorn program of our own machine that the
// configuration names is asked: `gunicorn --version`.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "collectors/process/read/proc_reader.h"

namespace gunicorn_exporter {

// "gunicorn-20.1.0.egg-info" to "20.1.0"; empty for other names. Pure.
std::string_view ParseMetadataName(std::string_view name);

// "gunicorn (version 20.1.0)\n" to "20.1.0"; empty for other texts. Pure.
std::string_view ParseVersionOutput(std::string_view text);

// Empty where it cannot be told.
std::string ReadVersion(ProcReader& reader, pid_t pid);

// Runs `program --version` without a shell, for `timeout` at most; a program
// that takes longer is killed. Empty when it says nothing of the kind.
std::string AskVersion(const std::string& program,
                       std::chrono::milliseconds timeout);

}  // namespace gunicorn_exporter
