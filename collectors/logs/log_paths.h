// The paths that a `logs` entry means. It may be a glob(7).
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace gunicorn_exporter {

bool IsGlob(const std::string& path);
// The folder above its first wildcard.
std::string FixedFolderOf(const std::string& path);

// What is there of it; nothing where that cannot be seen.
std::vector<std::string> ListLogPaths(const LogSourceConfig& source);
// Whether that is so for want of rights.
bool MayNotLook(const std::string& path);

}  // namespace gunicorn_exporter
