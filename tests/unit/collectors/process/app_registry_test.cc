#include "collectors/process/app_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

using std::chrono::minutes;
using testing::ElementsAre;

const AppId kApp{"my_app", "", ""};

TrackedProcess Found(pid_t pid, ProcessRole role, const AppId& app = kApp,
                     std::uint64_t user_ticks = 0) {
  TrackedProcess found;
  found.gunicorn.process.key = {pid, 1};
  found.gunicorn.process.user_ticks = user_ticks;
  found.gunicorn.role = role;
  found.gunicorn.app = app.name;
  found.app = app;
  return found;
}

TrackedProcess Master(pid_t pid, const AppId& app = kApp) {
  return Found(pid, ProcessRole::kMaster, app);
}

TrackedProcess Worker(pid_t pid, std::uint64_t user_ticks = 0) {
  return Found(pid, ProcessRole::kWorker, kApp, user_ticks);
}

Config WithInstances(const std::vector<std::string>& names) {
  Config config;
  for (const std::string& name : names)
    config.instances.push_back({name, {}, "", ""});
  config.discovery.enabled = names.empty();
  return config;
}

class AppRegistryTest : public testing::Test {
 protected:
  void See(std::vector<TrackedProcess> found,
           const std::vector<ProcessSnapshot>& ended = {}) {
    registry_.Update(std::move(found), ended, now_, 1000);
  }

  const AppRecord& App(const AppId& app = kApp) {
    return registry_.apps().at(app);
  }

  std::uint64_t WorkerTicks() {
    std::uint64_t ticks = App().ended_cpu.at(1).user;
    for (const auto& [key, process] : registry_.processes()) {
      if (process.gunicorn.role == ProcessRole::kWorker)
        ticks += process.CpuHere().user;
    }
    return ticks;
  }

  AppRegistry::TimePoint now_{std::chrono::hours(1)};
  AppRegistry registry_{Config{}};
};

TEST_F(AppRegistryTest, CountsNoWorkerThatWasThereAtTheFirstSight) {
  See({Master(1), Worker(2), Worker(3)});
  EXPECT_EQ(App().spawned, 0U);
  EXPECT_EQ(App().exited, 0U);
}

TEST_F(AppRegistryTest, CountsWorkersThatComeAndGo) {
  See({Master(1), Worker(2), Worker(3)});
  See({Master(1), Worker(3), Worker(4), Worker(5)});
  EXPECT_EQ(App().spawned, 2U);
  EXPECT_EQ(App().exited, 1U);
}

TEST_F(AppRegistryTest, TakesAReusedPidForAnotherWorker) {
  See({Master(1), Worker(2)});
  TrackedProcess later = Worker(2);
  later.gunicorn.process.key.start_time = 2;
  See({Master(1), later});
  EXPECT_EQ(App().spawned, 1U);
  EXPECT_EQ(App().exited, 1U);
}

TEST_F(AppRegistryTest, CountsAllWorkersOfAnAppThatCameBack) {
  See({Master(1), Worker(2)});
  See({});
  See({Master(3), Worker(4)});
  EXPECT_EQ(App().spawned, 1U);
  EXPECT_EQ(App().exited, 1U);
}

TEST_F(AppRegistryTest, KeepsTheCpuTimeOfWorkersThatEnded) {
  See({Master(1), Worker(2, 100), Worker(3, 10)});
  See({Master(1), Worker(3, 20)});
  EXPECT_EQ(WorkerTicks(), 120U);
  See({Master(1), Worker(3, 30), Worker(4, 1)});
  EXPECT_EQ(WorkerTicks(), 131U);
}

TEST_F(AppRegistryTest, TakesAZombiesLastCpuTime) {
  See({Master(1), Worker(2, 100)});
  ProcessSnapshot zombie;
  zombie.key = {2, 1};
  zombie.zombie = true;
  zombie.user_ticks = 140;
  See({Master(1)}, {zombie});
  EXPECT_EQ(WorkerTicks(), 140U);
  EXPECT_EQ(App().exited, 1U);
}

TEST_F(AppRegistryTest, NeverLetsCpuTimeFall) {
  See({Master(1), Worker(2, 100)});
  See({Master(1), Worker(2, 99)});
  EXPECT_EQ(WorkerTicks(), 100U);
}

TEST_F(AppRegistryTest, LeavesTheCpuTimeWithTheAppThatBurnedIt) {
  const AppId other{"other", "", ""};
  TrackedProcess master = Master(1);
  master.gunicorn.process.user_ticks = 50;
  TrackedProcess stays = Master(9);
  See({master, stays});
  master.app = other;
  master.gunicorn.process.user_ticks = 60;
  See({master, stays});
  EXPECT_EQ(App().ended_cpu.at(0).user, 50U);
  EXPECT_EQ(registry_.processes().at({1, 1}).CpuHere().user, 10U);
}

TEST_F(AppRegistryTest, KeepsAVanishedAppForAWhile) {
  See({Master(1), Worker(2)});
  now_ += minutes(9);
  See({});
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre(kApp));
  now_ += minutes(1);
  See({});
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre());
}

TEST_F(AppRegistryTest, ForgetsAnAppWhoseMasterTookAnotherName) {
  const AppId promoted{"my_app.2", "", ""};
  See({Master(1, promoted)});
  See({Master(1, kApp)});
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre(kApp));
}

TEST_F(AppRegistryTest, ListsConfiguredAppsFirstAndKeepsThemWhenAbsent) {
  Config config = WithInstances({"z", "b"});
  config.discovery.enabled = true;
  registry_.Reconfigure(config);
  const AppId a{"a", "", ""};
  const AppId b{"b", "", ""};
  const AppId z{"z", "", ""};
  See({Master(1, b), Master(2, a)});
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre(z, b, a));
  now_ += minutes(60);
  See({});
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre(z, b));
}

TEST_F(AppRegistryTest, LeavesOutOtherAppsWithoutDiscovery) {
  registry_.Reconfigure(WithInstances({"my_app"}));
  See({Master(1), Master(2, {"other", "", ""})});
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre(kApp));
}

TEST_F(AppRegistryTest, DropsAnInstanceThatAReloadRemoves) {
  registry_.Reconfigure(WithInstances({"my_app", "other"}));
  See({Master(1), Worker(2)});
  See({Master(1), Worker(3)});
  registry_.Reconfigure(WithInstances({"my_app"}));
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre(kApp));
  EXPECT_EQ(App().spawned, 1U) << "the others' counters go on";
}

TEST_F(AppRegistryTest, TellsContainersOfOneNameApart) {
  Config config = WithInstances({"my_app"});
  config.process.pod_labels = true;
  registry_.Reconfigure(config);
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre(kApp));
  const AppId first{"my_app", "pod", "c1"};
  const AppId second{"my_app", "pod", "c2"};
  See({Master(1, first), Master(2, second)});
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre(first, second));
  See({Master(2, second)});
  now_ += minutes(10);
  See({});
  EXPECT_THAT(registry_.OrderedApps(), ElementsAre(kApp));
}

TEST_F(AppRegistryTest, ChangesItsGenerationsWithProcessesAndApps) {
  See({Master(1), Worker(2)});
  const auto generation = registry_.generation();
  const auto apps = registry_.apps_generation();
  See({Master(1), Worker(2)});
  EXPECT_EQ(registry_.generation(), generation);
  See({Master(1), Worker(3)});
  EXPECT_NE(registry_.generation(), generation);
  EXPECT_EQ(registry_.apps_generation(), apps);
  See({Master(1), Worker(3), Master(4, {"other", "", ""})});
  EXPECT_NE(registry_.apps_generation(), apps);
}

TEST_F(AppRegistryTest, ForgetsAnAppAtOnceWhosePodHasEnded) {
  TrackedProcess master = Master(1);
  master.pod_folder = "/pods/a";
  See({master});
  std::set<std::string> ended = {"/pods/b"};
  const auto has_ended = [&](const std::string& pod) {
    return ended.contains(pod);
  };
  See({});
  registry_.ForgetEndedPods(has_ended);
  EXPECT_TRUE(registry_.apps().contains(kApp)) << "its pod is still there";
  ended = {"/pods/a"};
  const std::uint64_t generation = registry_.apps_generation();
  registry_.ForgetEndedPods(has_ended);
  EXPECT_FALSE(registry_.apps().contains(kApp));
  EXPECT_NE(registry_.apps_generation(), generation);
}

TEST_F(AppRegistryTest, KeepsAnAppThatRunsOrRanOutsideOfPodsToo) {
  const auto ended = [](const std::string&) { return true; };
  TrackedProcess in_pod = Master(1);
  in_pod.pod_folder = "/pods/a";
  See({in_pod, Master(2)});
  registry_.ForgetEndedPods(ended);
  EXPECT_TRUE(registry_.apps().contains(kApp)) << "it runs";
  See({});
  registry_.ForgetEndedPods(ended);
  EXPECT_TRUE(registry_.apps().contains(kApp)) << "one was in no pod";
}

TEST_F(AppRegistryTest, KeepsAConfiguredAppWhosePodHasEnded) {
  registry_ = AppRegistry(WithInstances({"my_app"}));
  TrackedProcess master = Master(1);
  master.pod_folder = "/pods/a";
  See({master});
  See({});
  registry_.ForgetEndedPods([](const std::string&) { return true; });
  EXPECT_TRUE(registry_.apps().contains(kApp));
}

TEST_F(AppRegistryTest, ForgetsAContainerThatItsPodHasReplaced) {
  const AppId first{"my_app", "pod", "first"};
  const AppId beside{"my_app", "pod", "beside"};
  const AppId second{"my_app", "pod", "second"};
  See({Master(1, first), Master(2, beside)});
  now_ += std::chrono::seconds(1);
  See({Master(2, beside)});
  EXPECT_TRUE(registry_.apps().contains(first)) << "beside is no successor";
  now_ += std::chrono::seconds(1);
  See({Master(2, beside), Master(3, second)});
  EXPECT_FALSE(registry_.apps().contains(first));
  EXPECT_TRUE(registry_.apps().contains(beside));
}

}  // namespace
}  // namespace gunicorn_exporter
