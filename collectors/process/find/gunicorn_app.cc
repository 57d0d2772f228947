#include "collectors/process/find/gunicorn_app.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "collectors/process/find/gunicorn_signals.h"

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kUpgradeSuffix = ".2";

bool IsUpgradeOf(const std::string& name, const std::string& app) {
  return name.size() == app.size() + kUpgradeSuffix.size() &&
         name.starts_with(app) && name.ends_with(kUpgradeSuffix);
}

class Finder {
 public:
  Finder(std::vector<ProcessSnapshot> candidates, const KnownGunicorns& known)
      : candidates_(std::move(candidates)), known_(known) {
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
    for (ProcessSnapshot& process : candidates_) Recognise(process);
  }

  std::vector<GunicornProcess> Find() {
    for (const ProcessSnapshot& process : candidates_) {
      if (process.title == TitleKind::kMaster) {
        AddTitledMaster(process);
      } else if (process.command && !IsOrphan(process)) {
        AddUntitledMaster(process);
      }
    }
    const std::size_t masters = found_.size();
    for (std::size_t i = 0; i < masters; ++i) {
      // A copy: adding children moves the vector's elements.
      const GunicornProcess master = found_[i];
      AddChildren(master);
    }
    for (const ProcessSnapshot& process : candidates_) {
      if (IsOrphan(process)) AddOrphan(process);
    }
    return std::move(found_);
  }

 private:
  // A master that calls itself something else: as if it had its title still.
  void Recognise(ProcessSnapshot& process) const {
    if (process.title != TitleKind::kNone || process.command ||
        !HasHandlersOfMaster(process.caught_signals)) {
      return;
    }
    if (const auto next = known_.upgrading.find(process.key);
        next != known_.upgrading.end()) {
      process.title_app = next->second;
      process.title_app += kUpgradeSuffix;
    } else if (const auto known = known_.masters.find(process.key);
               known != known_.masters.end()) {
      process.title_app = known->second;
    } else {
      const auto& children = ChildrenOf(process.key.pid);
      const auto worker = std::find_if(
          children.begin(), children.end(),
          [](const ProcessSnapshot* child) { return SaysWorker(*child); });
      if (worker == children.end()) return;
      const ProcessSnapshot& found = **worker;
      process.title_app = found.command ? found.command->name : found.title_app;
    }
    process.title = TitleKind::kMaster;
  }

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
    if (process.command) master.settings = process.command->settings;
    found_.push_back(std::move(master));
  }

  void AddTitledMaster(const ProcessSnapshot& process) {
    const ProcessSnapshot* const parent = ParentOf(process);
    if (parent != nullptr && parent->title == TitleKind::kMaster) {
      if (process.forked_only || parent->title_app == process.title_app) return;
      if (IsUpgradeOf(process.title_app, parent->title_app)) {
        return AddMaster(process, parent->title_app, true);
      }
    }
    const auto known = known_.upgrading.find(process.key);
    if (known != known_.upgrading.end() &&
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

  // A gunicorn's process among the candidates is its parent otherwise.
  bool IsOrphan(const ProcessSnapshot& process) const {
    if (ParentOf(process) != nullptr || process.title == TitleKind::kMaster) {
      return false;
    }
    return SaysWorker(process) || known_.workers.contains(process.key);
  }

  void AddOrphan(const ProcessSnapshot& process) {
    GunicornProcess orphan;
    orphan.process = process;
    orphan.role = ProcessRole::kOrphan;
    orphan.master = process.key;
    orphan.titled = process.title != TitleKind::kNone;
    const auto known = known_.workers.find(process.key);
    if (known != known_.workers.end()) {
      orphan.app = known->second;
    } else {
      orphan.app = process.command ? process.command->name : process.title_app;
    }
    found_.push_back(std::move(orphan));
  }

  void AddChild(const GunicornProcess& master, const ProcessSnapshot& process,
                ProcessRole role) {
    GunicornProcess child;
    child.process = process;
    child.role = role;
    child.app = master.app;
    child.master = master.master;
    child.titled = master.titled;
    child.settings = master.settings;
    found_.push_back(std::move(child));
  }

  static bool IsWorker(const ProcessSnapshot& child) {
    switch (child.title) {
      case TitleKind::kWorker:
        return true;
      case TitleKind::kMaster:
      case TitleKind::kDirtyArbiter:
      case TitleKind::kDirtyWorker:
        return false;
      case TitleKind::kNone:
        break;
    }
    return IsFork(child) &&
           // What is no gunicorn's command line is a title of its own.
           (!child.command || KeepsHandlersOfWorker(child.caught_signals));
  }

  // The program of its master, and past what each fork begins with.
  static bool IsFork(const ProcessSnapshot& child) {
    return child.forked_only && !HasHandlersOfMaster(child.caught_signals);
  }

  void AddChildren(const GunicornProcess& master) {
    bool arbiter_may_come =
        master.process.command && master.process.command->dirty;
    for (const ProcessSnapshot* child : ChildrenOf(master.process.key.pid)) {
      const auto& grandchildren = ChildrenOf(child->key.pid);
      bool is_arbiter = child->title == TitleKind::kDirtyArbiter;
      if (arbiter_may_come && !grandchildren.empty() &&
          child->title == TitleKind::kNone && IsFork(*child)) {
        arbiter_may_come = false;
        is_arbiter = true;
      }
      if (!is_arbiter) {
        if (IsWorker(*child)) AddChild(master, *child, ProcessRole::kWorker);
        continue;
      }
      AddChild(master, *child, ProcessRole::kDirtyArbiter);
      for (const ProcessSnapshot* dirty : grandchildren) {
        if (dirty->title == TitleKind::kDirtyWorker || !master.titled) {
          AddChild(master, *dirty, ProcessRole::kDirtyWorker);
        }
      }
    }
  }

  std::vector<ProcessSnapshot> candidates_;
  const KnownGunicorns& known_;
  std::unordered_map<pid_t, const ProcessSnapshot*> by_pid_;
  std::unordered_map<pid_t, std::vector<const ProcessSnapshot*>> children_;
  std::vector<GunicornProcess> found_;
};

}  // namespace

bool SaysWorker(const ProcessSnapshot& process) {
  return process.title == TitleKind::kWorker ||
         (process.command && process.forked_only &&
          HasHandlersOfWorker(process.caught_signals));
}

std::vector<GunicornProcess> FindGunicorns(
    std::vector<ProcessSnapshot> candidates, const KnownGunicorns& known) {
  return Finder(std::move(candidates), known).Find();
}

}  // namespace gunicorn_exporter
