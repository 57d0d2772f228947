// The thread that alone reads the process table. It looks at it on its own time
// and whenever somebody asks, and publishes what it knows; a table that hangs
// costs this thread, and a view that grows old.
//
// Thread rule: any thread, but where SenderQuestions says otherwise. No call
// waits for the process table longer than it is told.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "collectors/process/process_monitor.h"
#include "collectors/process/process_view.h"
#include "collectors/sender_questions.h"
#include "config/config.h"

namespace gunicorn_exporter {

class ProcessThread : public SenderQuestions {
 public:
  using Clock = std::chrono::steady_clock;
  using AppsListener = std::function<void(const std::vector<AppId>&)>;

  // `tell_apps` is told all known apps at the first look, after each
  // Reconfigure, and whenever one comes or goes; `tell_ended` those that have
  // lost their last master. Both on the thread.
  ProcessThread(const Config& config, const ProcessPaths& paths,
                prometheus::Registry& registry, AppsListener tell_apps,
                AppsListener tell_ended);
  ~ProcessThread() override;  // Stops, however long that takes.
  ProcessThread(const ProcessThread&) = delete;
  ProcessThread& operator=(const ProcessThread&) = delete;

  // See ProcessMonitor; before Start.
  void WatchSendersTo(std::uint16_t port) { monitor_.WatchSendersTo(port); }
  // Once. Throws std::system_error where no thread is to be had.
  void Start();
  // False where the thread has not ended by then: it hangs in the kernel.
  bool Stop(Clock::time_point deadline);

  // Whether it has looked at the table, whatever came of it.
  bool HasLooked() const;
  // False where it has not by the deadline.
  bool WaitForLook(Clock::time_point deadline);

  struct Answer {
    ProcessViewPtr view;   // Never null; empty before the first look.
    bool is_late = false;  // The thread did not answer; `view` is an older one.
  };
  // What there is after a fresh look, or, where that is not done by the
  // deadline, what there was.
  Answer View(bool with_details, Clock::time_point deadline);
  // What there is, without a look and without waiting. It is late where it is
  // older than the thread, which makes one every few seconds, lets it become.
  Answer LastView(Clock::time_point now) const;

  // Takes effect at once, or as soon as the thread is free.
  void Reconfigure(const Config& config);

  bool Ask(const SenderQuestion& question) override;
  std::vector<SenderAnswer> TakeAnswers() override;
  void SetWake(std::function<void()> wake) override;
  bool Answers() const override;
  std::uint64_t Generation() const override { return monitor_.Generation(); }

 private:
  // Those who ask for a view of one kind, and the last one made for them.
  struct Views {
    std::uint64_t asked = 0;
    std::uint64_t made = 0;  // Up to that question.
    ProcessViewPtr last = std::make_shared<const ProcessView>();
    Clock::time_point made_at;
  };

  void Run();
  // These are the thread's, and give the lock back while they read.
  void AnswerSenders(std::unique_lock<std::mutex>& lock);
  void MakeView(std::unique_lock<std::mutex>& lock, bool with_details);
  // Expects the lock to be held.
  bool HasWork() const;
  Clock::time_point NextWork() const;
  void TellApps();

  const AppsListener tell_apps_;
  const AppsListener tell_ended_;
  ProcessMonitor monitor_;                        // The thread's.
  std::optional<std::uint64_t> told_generation_;  // The thread's.

  mutable std::mutex mutex_;  // Guards all below, but for the thread itself.
  std::condition_variable work_;      // For the thread.
  std::condition_variable answered_;  // For who waits for it.
  Views states_;                      // Of what is known anyway.
  Views details_;                     // With all that a scrape shows.
  // Since when somebody waits for an answer; nothing: nobody does.
  std::optional<Clock::time_point> waiting_since_;
  std::optional<Config> new_config_;
  std::vector<SenderQuestion> questions_;
  std::vector<SenderAnswer> answers_;
  // Strangers who send from ever new ports must not keep the thread busy.
  Clock::time_point answer_not_before_;
  bool has_looked_ = false;
  bool is_stopping_ = false;
  bool has_ended_ = false;

  std::mutex wake_mutex_;  // Guards wake_, and is held while it is called.
  std::function<void()> wake_;
  std::thread thread_;
};

}  // namespace gunicorn_exporter
