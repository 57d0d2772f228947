// Finds what a log's rotation made of it, in the folder in which it lies, and
// in that of its link where its path is one.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>

#include "collectors/logs/message_assembler.h"
#include "collectors/logs/position_file.h"
#include "collectors/logs/tailed_file.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

FileId IdOf(const struct stat& status);
// "." of "a.log", "/" of "/a.log".
std::string FolderOf(const std::string& path);

// The descriptor of a regular file of that id. None, and errno, where it cannot
// be opened; none, and errno 0, where another file lies there now.
FileDescriptor OpenLog(const std::string& path, const FileId& id);

// The file itself under its new name, at its place. The number of its device
// may have changed. Null where it is gone, or the bytes before the place are
// others.
std::unique_ptr<TailedFile> FindRenamed(const FilePosition& position,
                                        const MessageRules& rules);

// The copy that copytruncate made of a file that is cut by now, at its begin:
// the youngest file that has `place` and more behind it. `is_log` names files
// that are none. Null where there is none.
std::unique_ptr<TailedFile> FindCopy(
    const FilePosition& place, const MessageRules& rules,
    const std::function<bool(const FileId&)>& is_log);

}  // namespace gunicorn_exporter
