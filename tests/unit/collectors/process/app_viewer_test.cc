#include "collectors/process/app_viewer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gunicorn_exporter {
namespace {

AppStatus StatusOf(const std::vector<Upstream>& upstreams) {
  TrackedProcess master;
  TrackedProcess worker;
  worker.gunicorn.role = ProcessRole::kWorker;
  worker.state = WorkerState::kWorking;
  AppSockets sockets;
  sockets.upstreams = upstreams;
  return ToStatus({"web", "", ""}, false, {&master, &worker, &worker}, sockets);
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
    workers[i].gunicorn.settings.slots = of_workers[i];
    group.push_back(&workers[i]);
  }
  InstanceConfig instance;
  instance.proc_name = "web";
  instance.threads = threads;
  AppView view;
  view.status = ToStatus({"web", "", ""}, false, group, {});
  AddTotals({}, group, {instance}, {}, view);
  return view.request_slots;
}

TEST(AddTotals, TellsTheSlotsWhereEachWorkersAreTold) {
  EXPECT_EQ(SlotsOf({4, 8}, 0), 12U) << "by the command lines";
  EXPECT_EQ(SlotsOf({4, std::nullopt}, 0), std::nullopt);
  EXPECT_EQ(SlotsOf({4, std::nullopt}, 5), 10U) << "the instance tells";
  EXPECT_EQ(SlotsOf({}, 5), std::nullopt) << "there is no worker";
}

TEST(AddTotals, TellsTheShortestTimeoutOfItsMasters) {
  const auto timeout_of = [](std::vector<std::optional<unsigned>> told) {
    std::vector<TrackedProcess> masters(told.size());
    ProcessGroup group;
    for (std::size_t i = 0; i < told.size(); ++i) {
      masters[i].gunicorn.settings.timeout_seconds = told[i];
      group.push_back(&masters[i]);
    }
    AppView view;
    AddTotals({}, group, {}, {}, view);
    return view.worker_timeout_seconds;
  };
  EXPECT_EQ(timeout_of({}), std::nullopt);
  EXPECT_EQ(timeout_of({std::nullopt}), std::nullopt);
  EXPECT_EQ(timeout_of({0}), 0U);
  EXPECT_EQ(timeout_of({60, std::nullopt, 30, 90}), 30U);
}

TEST(ToStatus, ListsTheWorkersOfWhomItIsKnownWhatTheyDo) {
  std::vector<TrackedProcess> processes(4);
  ProcessGroup group;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    processes[i].gunicorn.process.key = {10 + static_cast<pid_t>(i), 1};
    processes[i].gunicorn.role =
        i == 0 ? ProcessRole::kMaster : ProcessRole::kWorker;
    group.push_back(&processes[i]);
  }
  processes[2].state = WorkerState::kWorking;
  const auto list = [&](const AppSockets& sockets) {
    std::string text;
    for (const WorkerStatus& worker :
         ToStatus({"web", "", ""}, false, group, sockets).worker_list) {
      text += std::to_string(worker.pid) + " state " +
              std::to_string(static_cast<int>(worker.state));
      if (worker.requests_in_progress) {
        text += " requests " + std::to_string(*worker.requests_in_progress);
      }
      if (worker.oldest_request_seconds) {
        text += " age " +
                std::to_string(std::lround(*worker.oldest_request_seconds));
      }
      text += "; ";
    }
    return text;
  };
  AppSockets by_descriptors;
  by_descriptors.by_worker[{11, 1}];
  by_descriptors.by_worker[{12, 1}].requests.Add(12.0);
  by_descriptors.by_worker[{13, 1}].requests.Add(std::nullopt);
  EXPECT_EQ(list(by_descriptors),
            "11 state 0 requests 0 age 0; 12 state 1 requests 1 age 12; "
            "13 state 0 requests 1; ");
  AppSockets by_cgroup;
  by_cgroup.requests_of_unknown = 1;
  EXPECT_EQ(list(by_cgroup), "") << "which of them has it is not told";
  AppSockets untold;
  untold.told = false;
  EXPECT_EQ(list(untold), "11 state 0; 12 state 1; 13 state 0; ");
}

}  // namespace
}  // namespace gunicorn_exporter
