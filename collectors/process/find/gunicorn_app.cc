#include "collectors/process/find/gunicorn_app.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kUpgradeSuffix = ".2";

bool IsUpgradeOf(const std::string& name, const std::string& app) {
  return name.size() == app.size() + kUpgradeSuffix.size() &&
         name.starts_with(app) && name.ends_with(kUpgradeSuffix);
}

class Finder {
 public:
  Finder(std::vector<ProcessSnapshot> candidates,
         const UpgradingMasters& upgrading)
      : candidates_(std::move(candidates)), upgrading_(upgrading) {
    std::erase_if(candidates_, [](const ProcessSnapshot& process) {
      return process.zombie;
    });
    // The parents of others come first: a master is older than its children.
    std::sort(candidates_.begin(), candidates_.end(),
              [](const ProcessSnapshot& left, const ProcessSnapshot& right) {
                return std::pair(left.key.start_time, left.key.pid) <
                       std::pair(right.key.start_time, right.key.pid);
              });
    for (const ProcessSnapshot& process : candidates_) {
      by_pid_[process.key.pid] = &process;
      children_[process.ppid].push_back(&process);
    }
  }

  std::vector<GunicornProcess> Find() {
    for (const ProcessSnapshot& process : candidates_) {
      if (process.title == TitleKind::kMaster) AddTitledMaster(process);
      if (process.command) AddUntitledMaster(process);
    }
    const std::size_t masters = found_.size();
    for (std::size_t i = 0; i < masters; ++i) {
      // A copy: adding children moves the vector's elements.
      const GunicornProcess master = found_[i];
      if (master.titled) {
        AddTitledChildren(master);
      } else {
        AddUntitledChildren(master);
      }
    }
    return std::move(found_);
  }

 private:
  const ProcessSnapshot* ParentOf(const ProcessSnapshot& process) const {
    const auto parent = by_pid_.find(process.ppid);
    return parent == by_pid_.end() ? nullptr : parent->second;
  }

  const std::vector<const ProcessSnapshot*>& ChildrenOf(pid_t pid) const {
    static const std::vector<const ProcessSnapshot*> kNone;
    const auto children = children_.find(pid);
    return children == children_.end() ? kNone : children->second;
  }

  void AddMaster(const ProcessSnapshot& process, std::string app,
                 bool upgrading) {
    GunicornProcess master;
    master.process = process;
    master.app = std::move(app);
    master.master = process.key;
    master.upgrading = upgrading;
    master.titled = process.title != TitleKind::kNone;
    if (process.command) master.worker_class = process.command->worker_class;
    found_.push_back(std::move(master));
  }

  void AddTitledMaster(const ProcessSnapshot& process) {
    const ProcessSnapshot* const parent = ParentOf(process);
    if (parent != nullptr && parent->title == TitleKind::kMaster) {
      if (parent->title_app == process.title_app) return;
      if (IsUpgradeOf(process.title_app, parent->title_app)) {
        return AddMaster(process, parent->title_app, true);
      }
    }
    const auto known = upgrading_.find(process.key);
    if (known != upgrading_.end() &&
        IsUpgradeOf(process.title_app, known->second)) {
      return AddMaster(process, known->second, true);
    }
    AddMaster(process, process.title_app, false);
  }

  void AddUntitledMaster(const ProcessSnapshot& process) {
    const ProcessSnapshot* const parent = ParentOf(process);
    if (parent == nullptr) {
      return AddMaster(process, process.command->name, false);
    }
    // The next master of a titled gunicorn, still importing, or a helper.
    if (!parent->command || process.forked_only) return;
    // Started anew below a gunicorn: an upgrade where it is the same one.
    if (parent->command->name == process.command->name) {
      AddMaster(process, process.command->name, true);
    }
  }

  void AddChild(const GunicornProcess& master, const ProcessSnapshot& process,
                ProcessRole role) {
    GunicornProcess child;
    child.process = process;
    child.role = role;
    child.app = master.app;
    child.master = master.master;
    child.titled = master.titled;
    child.worker_class = master.worker_class;
    found_.push_back(std::move(child));
  }

  void AddTitledChildren(const GunicornProcess& master) {
    for (const ProcessSnapshot* child : ChildrenOf(master.process.key.pid)) {
      if (child->title == TitleKind::kWorker) {
        AddChild(master, *child, ProcessRole::kWorker);
      }
      if (child->title != TitleKind::kDirtyArbiter) continue;
      AddChild(master, *child, ProcessRole::kDirtyArbiter);
      for (const ProcessSnapshot* dirty : ChildrenOf(child->key.pid)) {
        if (dirty->title == TitleKind::kDirtyWorker) {
          AddChild(master, *dirty, ProcessRole::kDirtyWorker);
        }
      }
    }
  }

  void AddUntitledChildren(const GunicornProcess& master) {
    bool arbiter_found = !master.process.command->dirty;
    for (const ProcessSnapshot* child : ChildrenOf(master.process.key.pid)) {
      if (!child->command || !child->forked_only ||
          child->cmdline != master.process.cmdline) {
        continue;
      }
      const auto& grandchildren = ChildrenOf(child->key.pid);
      if (arbiter_found || grandchildren.empty()) {
        AddChild(master, *child, ProcessRole::kWorker);
        continue;
      }
      arbiter_found = true;
      AddChild(master, *child, ProcessRole::kDirtyArbiter);
      for (const ProcessSnapshot* dirty : grandchildren) {
        AddChild(master, *dirty, ProcessRole::kDirtyWorker);
      }
    }
  }

  std::vector<ProcessSnapshot> candidates_;
  const UpgradingMasters& upgrading_;
  std::unordered_map<pid_t, const ProcessSnapshot*> by_pid_;
  std::unordered_map<pid_t, std::vector<const ProcessSnapshot*>> children_;
  std::vector<GunicornProcess> found_;
};

}  // namespace

std::vector<GunicornProcess> FindGunicorns(
    std::vector<ProcessSnapshot> candidates,
    const UpgradingMasters& upgrading) {
  return Finder(std::move(candidates), upgrading).Find();
}

}  // namespace gunicorn_exporter
