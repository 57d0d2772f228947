// The entries of a folder, as readdir(3) gives them; closed with its owner.
#pragma once

#include <dirent.h>

#include <memory>

namespace gunicorn_exporter {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

}  // namespace gunicorn_exporter
