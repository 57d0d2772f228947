// How many file descriptors this process may have: getrlimit(2), RLIMIT_NOFILE.
// Connections get a share each, so that they leave enough for the process table
// and the log files.
#pragma once

#include <cstddef>

namespace gunicorn_exporter {

// Raises the soft limit to 8192, or to the hard one where that is lower; never
// lowers it. Before other threads start.
void RaiseDescriptorLimit();

// A quarter of the limit, at most `most`, at least 1.
std::size_t DescriptorShare(std::size_t most);

}  // namespace gunicorn_exporter
