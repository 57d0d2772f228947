#include "exporter/scrape/scrape.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

// A collector that hangs keeps a thread for each scrape that asked it; past
// this many it is not asked again until one returns.
constexpr int kCallsAtOnce = 64;

// One after the other, so that what the first finds out (an app that has just
// started) stands in the answers of the next; but nobody waits for a slow one.
constexpr auto kHeadStart = std::chrono::milliseconds(50);

double SecondsSince(Scraper::Clock::time_point start) {
  return std::chrono::duration<double>(Scraper::Clock::now() - start).count();
}

void LogFailure(std::string_view collector, double duration_seconds,
                const std::string& error) {
  LogEvent(LogLevel::kWarn, "collector_failed",
           {{"collector", std::string(collector)},
            {"duration_seconds", std::to_string(duration_seconds)},
            {"error", error}});
}

}  // namespace

std::vector<MetricFamily> MergeFamilies(std::vector<MetricFamily> families) {
  std::stable_sort(families.begin(), families.end(),
                   [](const MetricFamily& left, const MetricFamily& right) {
                     return left.name < right.name;
                   });
  std::vector<MetricFamily> merged;
  merged.reserve(families.size());
  for (MetricFamily& family : families) {
    if (merged.empty() || merged.back().name != family.name) {
      merged.push_back(std::move(family));
    } else if (merged.back().type == family.type) {
      std::move(family.series.begin(), family.series.end(),
                std::back_inserter(merged.back().series));
    }
  }
  return merged;
}

// One question to one collector. The mutex guards all but `start`.
struct Scraper::Call {
  const Clock::time_point start = Clock::now();
  std::mutex mutex;
  std::condition_variable answered;
  bool done = false;
  double duration_seconds = 0;
  std::string error;  // Empty: it succeeded.
  std::vector<MetricFamily> families;
};

// The calls whose threads still run, by collector. Outlives the scraper with
// them.
struct Scraper::Running {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<const Collector*, int> calls;
  int total = 0;
};

Scraper::Scraper(std::vector<std::shared_ptr<Collector>> collectors,
                 SelfMetrics& self_metrics)
    : collectors_(std::move(collectors)),
      self_metrics_(self_metrics),
      running_(std::make_shared<Running>()) {}

std::shared_ptr<Scraper::Call> Scraper::Start(
    std::shared_ptr<Collector> collector) {
  auto call = std::make_shared<Call>();
  const Collector* const key = collector.get();
  {
    const std::lock_guard lock(running_->mutex);
    if (running_->calls[key] >= kCallsAtOnce) {
      call->done = true;
      call->error = "earlier calls have not returned";
      return call;
    }
    ++running_->calls[key];
    ++running_->total;
  }
  const auto finished = [running = running_, key] {
    const std::lock_guard lock(running->mutex);
    --running->calls[key];
    --running->total;
    running->changed.notify_all();
  };
  try {
    std::thread([call, collector = std::move(collector), finished]() mutable {
      std::vector<MetricFamily> families;
      std::string error;
      try {
        families = collector->Collect();
      } catch (const std::exception& exception) {
        error = exception.what();
      }
      {
        const std::lock_guard lock(call->mutex);
        call->done = true;
        call->duration_seconds = SecondsSince(call->start);
        call->error = std::move(error);
        call->families = std::move(families);
        call->answered.notify_all();
      }
      collector.reset();
      finished();
    }).detach();
  } catch (const std::system_error& exception) {
    finished();
    call->done = true;
    call->error = exception.what();
  }
  return call;
}

bool Scraper::Finish(Call& call, Collector& collector,
                     std::optional<Clock::time_point> deadline,
                     std::vector<MetricFamily>& families) {
  std::unique_lock lock(call.mutex);
  const auto done = [&] { return call.done; };
  if (deadline) {
    call.answered.wait_until(lock, *deadline, done);
  } else {
    call.answered.wait(lock, done);
  }
  if (!call.done) {
    LogFailure(collector.Name(), SecondsSince(call.start),
               "no answer within the scrape's timeout");
    return false;
  }
  if (!call.error.empty()) {
    LogFailure(collector.Name(), call.duration_seconds, call.error);
    return false;
  }
  std::move(call.families.begin(), call.families.end(),
            std::back_inserter(families));
  return true;
}

std::vector<MetricFamily> Scraper::Collect(
    std::optional<Clock::time_point> deadline) {
  const auto is_statsd = [](const MetricFamily& family) {
    return family.name.starts_with("gunicorn_exporter_statsd_");
  };
  // Before the collectors: a line that the receivers have counted is in the
  // store then.
  std::vector<MetricFamily> receivers = self_metrics_.Families();
  std::erase_if(receivers, std::not_fn(is_statsd));
  std::vector<std::shared_ptr<Call>> calls;
  calls.reserve(collectors_.size());
  for (const auto& collector : collectors_) {
    calls.push_back(Start(collector));
    std::unique_lock lock(calls.back()->mutex);
    calls.back()->answered.wait_for(lock, kHeadStart,
                                    [&] { return calls.back()->done; });
  }

  std::vector<MetricFamily> families;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const bool success = Finish(*calls[i], *collectors_[i], deadline, families);
    self_metrics_.SetCollectorResult(
        collectors_[i]->Name(), success,
        success ? calls[i]->duration_seconds : SecondsSince(calls[i]->start));
  }
  std::vector<MetricFamily> own = self_metrics_.Families();
  std::erase_if(own, is_statsd);
  std::move(own.begin(), own.end(), std::back_inserter(families));
  std::move(receivers.begin(), receivers.end(), std::back_inserter(families));
  return MergeFamilies(std::move(families));
}

bool Scraper::Drain(Clock::time_point deadline) {
  std::unique_lock lock(running_->mutex);
  return running_->changed.wait_until(lock, deadline,
                                      [&] { return running_->total == 0; });
}

}  // namespace gunicorn_exporter
