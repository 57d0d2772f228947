// Does procfs hide the processes of other users from this one? Its mount option
// hidepid, proc(5), in /proc/self/mountinfo:
//
//     23 28 0:22 / /proc rw,nosuid - proc proc rw,gid=4,hidepid=invisible
//           ^^^^                                  ^^^^^ ^^^^^^^^^^^^^^^^^
//
// Not from who has CAP_SYS_PTRACE; nor from the members of the group `gid`,
// root where none is named, but for hidepid=ptraceable.
//
// Pure function, safe from any thread.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace gunicorn_exporter {

// `device` is st_dev of the folder of processes, `status` /proc/self/status.
bool HidesProcesses(std::string_view mountinfo, dev_t device,
                    std::string_view status);

}  // namespace gunicorn_exporter
