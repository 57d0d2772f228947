#include "collectors/process/app_notes.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>
#include <vector>

#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

constexpr auto kOthersAreHidden =
    "other users' processes cannot be seen (hidepid of /proc): whether it runs "
    "is not known";

// "a", "a and b", "a, b and c"
template <typename Words>
std::string Join(const Words& words) {
  std::string text;
  std::size_t left = words.size();
  for (const std::string& word : words) {
    text += word;
    if (--left > 0) text += left == 1 ? " and " : ", ";
  }
  return text;
}

std::string Pids(const std::set<pid_t>& pids) {
  std::vector<std::string> words;
  words.reserve(pids.size());
  for (const pid_t pid : pids) words.push_back(std::to_string(pid));
  return "pid " + Join(words);
}

// In lower case, letters and digits alone, and what is no ASCII.
std::string Fold(std::string_view name) {
  std::string folded;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') folded += static_cast<char>(c - 'A' + 'a');
    const bool is_ascii = static_cast<unsigned char>(c) < 0x80;
    if ((c >= 'a' && c <= 'z') || IsDigit(c) || !is_ascii) folded += c;
  }
  return folded;
}

// How many letters have to be put in, taken out or changed (Levenshtein).
std::size_t Distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t changed = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// An upgrade's next master is no other gunicorn while the old one lives.
bool IsNextOf(const TrackedProcess& master,
              const std::map<ProcessKey, TrackedProcess>& processes) {
  if (!master.gunicorn.upgrading) return false;
  const TrackedProcess* const parent =
      FindByPid(processes, master.gunicorn.process.ppid);
  return parent != nullptr && parent->IsMaster();
}

}  // namespace

bool AreNear(std::string_view left, std::string_view right) {
  constexpr std::size_t kLongest = 100;  // The rest is a name nobody types.
  constexpr std::size_t kShortestPart = 3;
  const std::string a = Fold(left.substr(0, kLongest));
  const std::string b = Fold(right.substr(0, kLongest));
  const std::string& shorter = a.size() < b.size() ? a : b;
  const std::string& longer = a.size() < b.size() ? b : a;
  if (shorter.size() >= kShortestPart &&
      longer.find(shorter) != std::string::npos) {
    return true;
  }
  return !shorter.empty() && Distance(a, b) <= longer.size() / 4;
}

void AppNotes::Update(const std::map<ProcessKey, TrackedProcess>& processes,
                      const std::map<AppId, AppSockets>& sockets,
                      MasterFactsReader& facts, TimePoint now,
                      std::chrono::milliseconds forget_after) {
  std::map<AppId, Gunicorns> found;
  for (const auto& [key, process] : processes) {
    if (process.IsMaster() && facts.Of(key).container.container_id.empty() &&
        !IsNextOf(process, processes)) {
      found[process.app].masters.insert(key.pid);
    }
  }
  for (auto& [app, gunicorns] : found) {
    const auto known = sockets.find(app);
    if (known != sockets.end()) {
      for (const ListenQueue& queue : known->second.listen_queues) {
        gunicorns.addresses.insert(queue.address);
      }
    }
    const auto before = gunicorns_.find(app);
    if (before == gunicorns_.end()) continue;
    if (before->second.masters == gunicorns.masters) {
      // One that ends closes its listeners first.
      gunicorns.addresses.merge(before->second.addresses);
    } else if (before->second.masters.size() > gunicorns.masters.size()) {
      losses_.try_emplace(app, Loss{before->second, now});
    }
  }
  gunicorns_ = std::move(found);
  std::erase_if(losses_, [&](const auto& entry) {
    const auto& [app, loss] = entry;
    const auto left = gunicorns_.find(app);
    return left == gunicorns_.end() || now - loss.at >= forget_after ||
           left->second.masters.size() >= loss.before.masters.size();
  });
}

void AppNotes::Write(ProcessView& view,
                     const std::set<std::string>& strangers) const {
  std::set<std::string> running = strangers;
  for (const AppView& app : view.apps) {
    if (app.status.masters > 0) running.insert(app.status.app.name);
  }
  for (AppView& app : view.apps) {
    AppStatus& status = app.status;
    const auto here = gunicorns_.find(status.app);
    if (here == gunicorns_.end()) {
      if (status.masters > 0) continue;
      std::set<std::string> near;
      std::copy_if(running.begin(), running.end(),
                   std::inserter(near, near.end()),
                   [&](const std::string& name) {
                     return AreNear(name, status.app.name);
                   });
      if (!near.empty()) status.notes.push_back("these run: " + Join(near));
      status.may_be_hidden = view.others_are_hidden && status.orphans.empty();
      if (status.may_be_hidden) status.notes.emplace_back(kOthersAreHidden);
      continue;
    }
    const auto& [masters, addresses] = here->second;
    if (masters.size() > 1) {
      status.notes.push_back(
          std::to_string(masters.size()) +
          " gunicorns have this name: " + Pids(masters) +
          (addresses.empty() ? "" : ", which listen on " + Join(addresses)));
    }
    const auto lost = losses_.find(status.app);
    if (lost == losses_.end()) continue;
    const auto& [before, at] = lost->second;
    std::set<pid_t> gone;
    std::set_difference(before.masters.begin(), before.masters.end(),
                        masters.begin(), masters.end(),
                        std::inserter(gone, gone.end()));
    std::set<std::string> left;
    std::set_difference(before.addresses.begin(), before.addresses.end(),
                        addresses.begin(), addresses.end(),
                        std::inserter(left, left.end()));
    status.notes.push_back(
        std::to_string(before.masters.size()) +
        " gunicorns had this name, and " + std::to_string(masters.size()) +
        (masters.size() == 1 ? " is" : " are") + " left: " + Pids(gone) +
        (gone.size() == 1 ? " has gone" : " have gone") +
        (left.empty() ? "" : ", and nothing listens on " + Join(left)));
  }
}

}  // namespace gunicorn_exporter
