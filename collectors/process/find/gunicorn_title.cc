#include "collectors/process/find/gunicorn_title.h"

#include <algorithm>
#include <array>
#include <utility>

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kPrefix = "gunicorn: ";

std::string_view NameIn(std::string_view title) {
  if (!title.starts_with('[')) {
    title = title.substr(0, title.find('['));
    while (title.ends_with(' ')) title.remove_suffix(1);
    return title;
  }
  title.remove_prefix(1);
  for (std::size_t end = title.find(']'); end != std::string_view::npos;
       end = title.find(']', end + 1)) {
    if (end + 1 == title.size() || title[end + 1] == ' ') {
      return title.substr(0, end);
    }
  }
  return title;
}

}  // namespace

GunicornTitle ParseGunicornTitle(std::string_view cmdline) {
  std::string_view title = cmdline.substr(0, cmdline.find('\0'));
  if (title.substr(0, kPrefix.size()) != kPrefix) return {};
  title.remove_prefix(kPrefix.size());

  constexpr std::array<std::pair<std::string_view, TitleKind>, 4> kKinds = {{
      {"master", TitleKind::kMaster},
      {"worker", TitleKind::kWorker},
      {"dirty-arbiter", TitleKind::kDirtyArbiter},
      {"dirty-worker", TitleKind::kDirtyWorker},
  }};
  const auto kind =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& entry) {
        return title.substr(0, entry.first.size()) == entry.first;
      });
  if (kind == kKinds.end()) return {};
  title.remove_prefix(kind->first.size());
  // Setproctitle of other systems pads with blanks.
  while (!title.empty() && title.back() == ' ') title.remove_suffix(1);
  if (kind->second == TitleKind::kDirtyArbiter) {
    const bool fits = title.empty() || title.substr(0, 2) == " [";
    return fits ? GunicornTitle{kind->second, {}} : GunicornTitle{};
  }
  if (!title.starts_with(' ')) return {};
  title.remove_prefix(1);
  const std::string_view app = NameIn(title);
  return app.empty() && !title.starts_with('[')
             ? GunicornTitle{}
             : GunicornTitle{kind->second, app};
}

bool IsPython(std::string_view program) {
  return program.find("ython") != std::string_view::npos ||
         program.find("pypy") != std::string_view::npos;
}

bool MayBeGunicorn(std::string_view comm) {
  return comm.find("gunicorn") != std::string_view::npos || IsPython(comm);
}

}  // namespace gunicorn_exporter
