#include "collectors/process/process_thread.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "collectors/process/monitor_clocks.h"
#include "config/base/thread.h"

namespace gunicorn_exporter {
namespace {

// Where somebody has waited this long, lines of new senders are not held for
// it.
constexpr std::chrono::seconds kSlow{15};
// A view that nobody asked for is made with the first sample after this time:
// it is what the history is made of, and what there is to say where the next
// look hangs.
constexpr std::chrono::seconds kKeepView{2};
// Looking up senders takes a fifth of a core, but for a burst of 200 ms. It is
// the CPU that counts: where a fleet starts, a look takes seconds of waiting
// for a processor, and who then paused for five times as long would be late for
// the lines that are held.
constexpr int kSenderShare = 5;
constexpr std::chrono::milliseconds kSenderBurst{200};
constexpr std::size_t kMostQuestions = 8192;

}  // namespace

ProcessThread::ProcessThread(const Config& config, const ProcessPaths& paths,
                             prometheus::Registry& registry,
                             AppsListener tell_apps, AppsListener tell_ended)
    : tell_apps_(std::move(tell_apps)),
      tell_ended_(std::move(tell_ended)),
      monitor_(config, paths, registry) {}

ProcessThread::~ProcessThread() {
  Stop(Clock::now());
  if (thread_.joinable()) thread_.join();
}

void ProcessThread::Start() {
  thread_ = StartThread("process", [this] { Run(); });
}

bool ProcessThread::Stop(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  is_stopping_ = true;
  work_.notify_all();
  return !thread_.joinable() ||
         answered_.wait_until(lock, deadline, [this] { return has_ended_; });
}

bool ProcessThread::HasLooked() const {
  const std::lock_guard lock(mutex_);
  return has_looked_;
}

bool ProcessThread::WaitForLook(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return answered_.wait_until(lock, deadline, [this] { return has_looked_; });
}

ProcessThread::Answer ProcessThread::View(bool with_details,
                                          Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  Views& views = with_details ? details_ : states_;
  if (!waiting_since_) waiting_since_ = Clock::now();
  const std::uint64_t question = ++views.asked;
  work_.notify_one();
  const auto is_answered = [&] { return views.made >= question; };
  answered_.wait_until(lock, deadline,
                       [&] { return is_answered() || has_ended_; });
  return {views.last, !is_answered()};
}

ProcessThread::Answer ProcessThread::LastView(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  const std::chrono::duration<double> sample(
      states_.last->sample_interval_seconds);
  return {states_.last, now - states_.made_at > 2 * kKeepView + sample};
}

void ProcessThread::Reconfigure(const Config& config) {
  const std::lock_guard lock(mutex_);
  new_config_ = config;
  work_.notify_one();
}

bool ProcessThread::Ask(const SenderQuestion& question) {
  const std::lock_guard lock(mutex_);
  if (questions_.size() >= kMostQuestions) return false;
  questions_.push_back(question);
  work_.notify_one();
  return true;
}

std::vector<SenderAnswer> ProcessThread::TakeAnswers() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_, {});
}

bool ProcessThread::Answers() const {
  const std::lock_guard lock(mutex_);
  return !waiting_since_ || Clock::now() - *waiting_since_ < kSlow;
}

void ProcessThread::SetWake(std::function<void()> wake) {
  const std::lock_guard lock(wake_mutex_);
  wake_ = std::move(wake);
}

void ProcessThread::Run() {
  monitor_.Scan();
  monitor_.Sample();
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (new_config_) {
      const Config config = *std::exchange(new_config_, std::nullopt);
      lock.unlock();
      monitor_.Reconfigure(config);
      TellApps();
      lock.lock();
    }
    if (!questions_.empty() && Clock::now() >= answer_not_before_) {
      AnswerSenders(lock);
    }
    if (details_.asked > details_.made) MakeView(lock, true);
    if (states_.asked > states_.made || !has_looked_) MakeView(lock, false);
    if (!has_looked_) {
      has_looked_ = true;
      answered_.notify_all();
    }
    if (Clock::now() >= monitor_.NextSample()) {
      lock.unlock();
      monitor_.Sample();
      TellApps();
      lock.lock();
      if (Clock::now() - states_.made_at >= kKeepView) MakeView(lock, false);
    }
    const Clock::time_point next = NextWork();
    work_.wait_until(lock, next,
                     [&] { return HasWork() || NextWork() < next; });
  }
  has_ended_ = true;
  answered_.notify_all();
}

bool ProcessThread::HasWork() const {
  return is_stopping_ || new_config_ || details_.asked > details_.made ||
         states_.asked > states_.made ||
         (!questions_.empty() && Clock::now() >= answer_not_before_);
}

ProcessThread::Clock::time_point ProcessThread::NextWork() const {
  return questions_.empty()
             ? monitor_.NextSample()
             : std::min(monitor_.NextSample(), answer_not_before_);
}

void ProcessThread::AnswerSenders(std::unique_lock<std::mutex>& lock) {
  const std::vector<SenderQuestion> questions = std::exchange(questions_, {});
  lock.unlock();
  const auto cpu_seconds = SystemClocks().thread_cpu_seconds;
  const double cpu_before = cpu_seconds();
  std::vector<SenderAnswer> answers = monitor_.Answer(questions);
  TellApps();  // Before lines of a new app are counted.
  const auto cost = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(cpu_seconds() - cpu_before));
  lock.lock();
  std::move(answers.begin(), answers.end(), std::back_inserter(answers_));
  answer_not_before_ =
      std::max(answer_not_before_, Clock::now() - kSenderBurst * kSenderShare) +
      cost * kSenderShare;
  lock.unlock();
  {
    const std::lock_guard waking(wake_mutex_);
    if (wake_) wake_();
  }
  lock.lock();
}

void ProcessThread::MakeView(std::unique_lock<std::mutex>& lock,
                             bool with_details) {
  Views& views = with_details ? details_ : states_;
  const std::uint64_t asked = views.asked;
  const bool is_asked = asked > views.made;
  lock.unlock();
  if (is_asked) monitor_.ScanIfStale();
  TellApps();
  auto view = std::make_shared<const ProcessView>(monitor_.View(with_details));
  lock.lock();
  views.made = asked;
  views.last = view;
  states_.last = view;
  states_.made_at = Clock::now();
  waiting_since_.reset();
  if (states_.asked > states_.made || details_.asked > details_.made) {
    waiting_since_ = Clock::now();
  }
  answered_.notify_all();
}

void ProcessThread::TellApps() {
  const std::vector<AppId> ended = monitor_.TakeEnded();
  if (!ended.empty()) tell_ended_(ended);
  const std::uint64_t generation = monitor_.AppsGeneration();
  if (told_generation_ == generation) return;
  told_generation_ = generation;
  tell_apps_(monitor_.KnownApps());
}

}  // namespace gunicorn_exporter
