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

std::optional<std::uint64_t> SlotsOf(
    const std::vector<std::optional<unsigned>>& of_workers, unsigned threads) {
  std::vector<TrackedProcess> workers(of_workers.size());
  ProcessGroup group;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    workers[i].gunicorn.role = ProcessRole::kWorker;
    workers[i].gunicorn.slots = of_workers[i];
    group.push_back(&workers[i]);
  }
  InstanceConfig instance;
  instance.proc_name = "web";
  instance.threads = threads;
  AppView view;
  view.status = ToStatus({"web", "", ""}, false, group, {}, {});
  AddTotals({}, group, {instance}, {}, view);
  return view.request_slots;
}

TEST(AddTotals, TellsTheSlotsWhereEachWorkersAreTold) {
  EXPECT_EQ(SlotsOf({4, 8}, 0), 12U) << "by the command lines";
  EXPECT_EQ(SlotsOf({4, std::nullopt}, 0), std::nullopt);
  EXPECT_EQ(SlotsOf({4, std::nullopt}, 5), 10U) << "the instance tells";
  EXPECT_EQ(SlotsOf({}, 5), std::nullopt) << "there is no worker";
}

}  // namespace
}  // namespace gunicorn_exporter
