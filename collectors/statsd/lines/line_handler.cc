#include "collectors/statsd/lines/line_handler.h"

#include <cstddef>
#include <utility>

#include "collectors/statsd/lines/translate.h"

namespace gunicorn_exporter {
namespace {

// As many events are handed over at a time; the store is locked meanwhile.
constexpr std::size_t kBatch = 1024;
// As many may pile up while the store is busy: about three megabytes.
constexpr std::size_t kMostOps = 65536;

Naming MakeNaming(const MetricStore& store) {
  const auto settings = store.settings();
  return {settings->config, settings->known_apps};
}

}  // namespace

LineHandler::LineHandler(MetricStore& store, SenderQuestions* questions,
                         ReceiverMetrics& metrics, Relay* relay,
                         Senders::Clock clock)
    : store_(store),
      metrics_(metrics),
      relay_(relay),
      clock_(clock),
      senders_(questions, std::move(clock),
               [this](const ReceivedLine& line, SenderApp* app) {
                 Take(line, &app);
               }),
      resolver_(MakeNaming(store), metrics.carried_names) {
  ops_.reserve(2 * kBatch);
}

void LineHandler::BeginPacket(Transport transport) {
  ++counts_.packets[static_cast<std::size_t>(transport)];
  has_counts_ = true;
  senders_.BeginPacket();
  const std::uint64_t version = store_.settings_version();
  if (version != settings_version_) {
    FlushAndWait();
    // Before they are read: newer ones are then found next time.
    settings_version_ = version;
    resolver_.SetNaming(MakeNaming(store_));
    foreign_.Clear();
  } else if (resolver_.IsFull() || senders_.IsFull()) {
    FlushAndWait();
    resolver_.Clear();
    senders_.Clear();
  } else if (foreign_.IsFull()) {
    FlushAndWait();
    foreign_.Clear();
  } else if (ops_.size() >= kMostOps) {
    FlushAndWait();
  } else if (ops_.size() >= kBatch) {
    Flush();
  }
  if (senders_.is_due()) senders_.CountAnswered();
}

void LineHandler::HandleDatagram(Transport transport, std::string_view packet,
                                 const DatagramSource& source, bool truncated) {
  BeginPacket(transport);
  ReceivedLine line{transport, {}, source};
  while (!packet.empty()) {
    const std::size_t end = packet.find('\n');
    line.text = packet.substr(0, end);
    packet.remove_prefix(end == std::string_view::npos ? packet.size()
                                                       : end + 1);
    if (truncated && end == std::string_view::npos) {
      CountTooLong(line);
    } else {
      HandleLine(line);
    }
  }
}

void LineHandler::HandleLine(ReceivedLine& line) {
  const std::string_view unchanged = line.text;
  if (unchanged.ends_with('\r')) line.text.remove_suffix(1);
  if (line.text.empty()) return;
  if (relay_ != nullptr) relay_->Add(unchanged);
  Take(line, nullptr);
}

void LineHandler::Take(const ReceivedLine& line, SenderApp* const* answer) {
  Sample sample;
  LineVerdict verdict = ParseLine(line.text, sample);
  const std::size_t first_op = ops_.size();
  if (verdict == LineVerdict::kAccepted) {
    // Written where it stays, and taken back where it is none or held.
    StoreOp& op = ops_.emplace_back();
    std::string_view prefix;
    verdict = Translate(sample, op.event, prefix);
    if (verdict == LineVerdict::kAccepted) {
      op.ref = Resolve(line, sample.tags, prefix, answer);
      if (op.ref == nullptr) return ops_.pop_back();
      if (!sample.others.empty()) AddOthers(sample);
    } else {
      ops_.pop_back();
      if (verdict == LineVerdict::kUnmatched &&
          resolver_.naming().export_unmatched) {
        const SeriesRef* const ref =
            Resolve(line, sample.tags, ForeignPrefix(sample.name), answer);
        if (ref == nullptr) return;
        verdict = foreign_.Take(sample, ref->key.app, ops_);
        if (verdict == LineVerdict::kAccepted) ShowExample(verdict, line);
      }
    }
  }
  if (keeps_lines_ && ops_.size() > first_op) [[unlikely]] {
    kept_.push_back({first_op, MakeExample(line)});
  }
  Count(line, verdict);
}

// gunicorn.requests:1:2:3|c
//                    ^^^
void LineHandler::AddOthers(const Sample& sample) {
  StoreOp op = ops_.back();
  op.begins_line = false;
  // A packed gauge takes its last value. Where each one sets the series, that
  // happens by itself; an observation would count each.
  const bool takes_last =
      sample.type == SampleType::kGauge && op.event.kind == EventKind::kBacklog;
  std::string_view others = sample.others;
  SampleValue value;
  while (TakeValue(others, value)) {
    SetEventValue(value, op.event);
    if (takes_last) {
      ops_.back().event = op.event;
    } else {
      ops_.push_back(op);
    }
  }
}

SeriesRef* LineHandler::Resolve(const ReceivedLine& line, std::string_view tags,
                                std::string_view prefix,
                                SenderApp* const* answer) {
  NamedApp* const named = resolver_.FindNamed(tags, prefix);
  SeriesRef* ref = named == nullptr ? nullptr : &named->ref;
  if (named == nullptr || !named->is_known) {
    SenderApp* sender = nullptr;
    if (answer != nullptr) {
      sender = *answer;
    } else if (!senders_.FindOrHold(line, sender)) {
      return nullptr;
    }
    if (sender != nullptr) {
      ref = &sender->ref;
      if (named != nullptr && sender->carried != named->carried) {
        sender->carried = named->carried;
        metrics_.carried_names.Tell(ref->key.app, named->carried);
      }
    }
  }
  return &resolver_.Complete(ref, tags);
}

void LineHandler::CountTooLong(const ReceivedLine& line) {
  if (relay_ != nullptr) relay_->CountDropped();
  Count(line, LineVerdict::kTooLong);
}

void LineHandler::Count(const ReceivedLine& line, LineVerdict verdict) {
  ++counts_.lines[static_cast<std::size_t>(line.transport)];
  ++counts_.verdicts[static_cast<std::size_t>(verdict)];
  has_counts_ = true;
  if (verdict != LineVerdict::kAccepted) [[unlikely]] {
    ShowExample(verdict, line);
  }
}

void LineHandler::ShowExample(LineVerdict verdict, const ReceivedLine& line) {
  LineExamples& examples = metrics_.examples;
  const LineExamples::Kind kind = LineExamples::KindOf(verdict);
  if (examples.is_due(kind)) examples.Show(kind, MakeExample(line), clock_());
}

void LineHandler::ShowRefused() {
  LineExamples& examples = metrics_.examples;
  auto kept = kept_.begin();
  bool has_shown = false;
  bool is_missing = false;
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    if (ops_[i].refusal == Refusal::kNone) [[likely]]
      continue;
    const LineExamples::Kind kind = LineExamples::KindOf(ops_[i].refusal);
    if (!ops_[i].begins_line || !examples.is_due(kind)) continue;
    while (kept != kept_.end() && kept->first_op < i) ++kept;
    if (kept != kept_.end() && kept->first_op == i) {
      examples.Show(kind, std::move(kept->example), clock_());
      has_shown = true;
    } else {
      is_missing = true;
    }
  }
  keeps_lines_ = is_missing || (keeps_lines_ && !has_shown);
  kept_.clear();
}

bool LineHandler::Flush() {
  metrics_.examples.SetTime(clock_());
  senders_.CountAnswered();
  if (relay_ != nullptr) relay_->Flush();
  if (!ops_.empty() && !store_.TryAdd(ops_)) return false;
  Publish();
  return true;
}

void LineHandler::Finish() {
  Flush();
  senders_.CountAll();
  FlushAndWait();
}

void LineHandler::FlushAndWait() {
  if (!ops_.empty()) store_.Add(ops_);
  Publish();
}

void LineHandler::Publish() {
  ShowRefused();
  ops_.clear();
  if (!has_counts_) return;
  metrics_.Add(counts_);
  counts_ = LineCounts();
  has_counts_ = false;
}

}  // namespace gunicorn_exporter
