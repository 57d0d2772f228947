// Whatever stands in a file below /proc, its parsers read within it and end.
// The first byte says which file the rest is.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/process/find/gunicorn_command.h"
#include "collectors/process/find/gunicorn_title.h"
#include "collectors/process/find/gunicorn_version.h"
#include "collectors/process/read/address_table.h"
#include "collectors/process/read/cgroup.h"
#include "collectors/process/read/proc_parse.h"
#include "collectors/process/read/socket_table.h"
#include "collectors/process/sockets/attention.h"
#include "collectors/process/sockets/worker_state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace gunicorn_exporter;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1,
                              size - 1);
  switch (data[0]) {
    case 's':
      ParseProcStat(text);
      ParseBootTime(text);
      ParsePss(text);
      ParseEffectiveUid(text);
      ParseListenOverflows(text);
      break;
    case 'c':
      ParseGunicornTitle(text);
      ParseGunicornCommand(text, text);
      break;
    case 'g':
      ParseCgroup(text);
      break;
    case 't':
      for (const TcpSocket& socket : ParseTcpTable(text))
        ToString(socket.local);
      break;
    case 'u':
      ParseUnixTable(text);
      ParseUdpTable(text);
      HasLocalAddress(text, {});
      break;
    default:
      ParseEpollSet(text);
      ParseMetadataName(text);
      ParseVersionOutput(text);
      ParseSocketLink(text);
      break;
  }
  return 0;
}
