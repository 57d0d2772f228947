#include "collectors/process/app_viewer.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

AppStatus StatusOf(const std::vector<Upstream>& upstreams) {
  TrackedProcess master;
  TrackedProcess worker;
  worker.gunicorn.role = ProcessRole::kWorker;
  worker.state = WorkerState::kWorking;
  return ToStatus({"web", "", ""}, false, {&master, &worker, &worker}, {},
                  upstreams);
}

TEST(ToStatus, SaysWhatTheRequestsWaitFor) {
  const struct {
    std::vector<Upstream> upstreams;
    const char* waits;
  } table[] = {
      {{}, ""},
      {{{"10.0.0.5:5432", 24, 0, 0}}, ""},
      {{{"10.0.0.5:5432", 24, 8, 0.99}}, ""},
      {{{"10.0.0.5:5432", 24, 8, 12.9}},
       "8 requests wait for 10.0.0.5:5432, the oldest for 12 s"},
      {{{"[::1]:6379", 1, 1, 1}}, "1 request waits for [::1]:6379, for 1 s"},
      {{{"10.0.0.5:5432", 24, 8, 12.9},
        {"10.0.0.6:80", 3, 2, 0.5},
        {"other", 3, 1, 3}},
       "8 requests wait for 10.0.0.5:5432, the oldest for 12 s; 1 request "
       "waits for other peers, for 3 s"},
  };
  const std::string workers = "web: 1 master, 0 idle and 2 working workers";
  for (const auto& row : table) {
    const AppStatus status = StatusOf(row.upstreams);
    EXPECT_EQ(status.waits, row.waits);
    EXPECT_EQ(status.message,
              workers + (status.waits.empty() ? "" : "; " + status.waits));
  }
}

}  // namespace
}  // namespace gunicorn_exporter
