#include "collectors/statsd/lines/line_handler.h"

#include <memory>
#include <utility>

#include "collectors/statsd/lines/parse_line.h"
#include "collectors/statsd/lines/translate.h"

namespace gunicorn_exporter {
namespace {

// As many events are handed over at a time; the store is locked meanwhile.
constexpr std::size_t kBatch = 1024;
// As many may pile up while the store is busy: about three megabytes.
constexpr std::size_t kMostOps = 65536;

std::shared_ptr<const Naming> MakeNaming(const MetricStore& store) {
  const auto settings = store.settings();
  return std::make_shared<const Naming>(
      MakeNaming(settings->config, settings->known_apps));
}

}  // namespace

LineHandler::LineHandler(MetricStore& store, SenderLookup* lookup,
                         ReceiverStats& stats, Relay* relay,
                         SenderCache::Clock clock)
    : store_(store),
      stats_(stats),
      relay_(relay),
      clock_(std::move(clock)),
      resolver_(lookup, clock_, MakeNaming(store)),
      settings_version_(0) {
  ops_.reserve(2 * kBatch);
}

void LineHandler::BeginPacket(Transport transport) {
  ++counts_.packets[static_cast<std::size_t>(transport)];
  has_counts_ = true;
  resolver_.BeginPacket();
  const std::uint64_t version = store_.settings_version();
  if (version != settings_version_) {
    FlushAndWait();
    // Before they are read: newer ones are then found next time.
    settings_version_ = version;
    resolver_.SetNaming(MakeNaming(store_));
    foreign_.Clear();
  } else if (resolver_.IsFull() || foreign_.IsFull()) {
    FlushAndWait();
    resolver_.Clear();
    foreign_.Clear();
  } else if (ops_.size() >= kMostOps) {
    FlushAndWait();
  } else if (ops_.size() >= kBatch) {
    Flush();
  }
}

void LineHandler::HandleDatagram(Transport transport, std::string_view packet,
                                 const DatagramSource& source, bool truncated) {
  BeginPacket(transport);
  while (!packet.empty()) {
    const std::size_t end = packet.find('\n');
    const std::string_view line = packet.substr(0, end);
    packet.remove_prefix(end == std::string_view::npos ? packet.size()
                                                       : end + 1);
    if (truncated && end == std::string_view::npos) {
      CountTooLong(transport);
    } else {
      HandleOne(transport, line, source);
    }
  }
}

void LineHandler::HandleLine(Transport transport, std::string_view line,
                             const DatagramSource& source) {
  // The line before it may be gone.
  resolver_.BeginPacket();
  HandleOne(transport, line, source);
}

void LineHandler::HandleOne(Transport transport, std::string_view line,
                            const DatagramSource& source) {
  const std::string_view unchanged = line;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return;
  if (relay_ != nullptr) relay_->Add(unchanged);
  if (const auto verdict = Take(line, source, held_.ForNewSender())) {
    Count(transport, *verdict);
  } else {
    held_.Hold(transport, line, source, clock_());
  }
}

std::optional<LineVerdict> LineHandler::Take(std::string_view line,
                                             const DatagramSource& source,
                                             NewSender new_sender) {
  Sample sample;
  LineVerdict verdict = ParseLine(line, sample);
  if (verdict != LineVerdict::kAccepted) return verdict;
  // Written where it stays, and taken back where the line is not gunicorn's.
  StoreOp& op = ops_.emplace_back();
  std::string_view prefix;
  verdict = Translate(sample, op.event, prefix);
  if (verdict != LineVerdict::kAccepted) {
    ops_.pop_back();
    const bool is_foreign = verdict == LineVerdict::kUnmatched &&
                            resolver_.naming().export_unmatched;
    if (is_foreign) return TakeForeign(sample, source, new_sender);
    return verdict;
  }
  op.ref = resolver_.Resolve(sample.tags, prefix, source, new_sender);
  if (op.ref == nullptr) {
    ops_.pop_back();
    return std::nullopt;
  }
  if (!sample.others.empty()) TakeOthers(sample.others);
  return verdict;
}

// gunicorn.requests:1:2:3|c
//                    ^^^
void LineHandler::TakeOthers(std::string_view others) {
  StoreOp op = ops_.back();
  op.begins_line = false;
  SampleValue value;
  while (TakeValue(others, value)) {
    SetEventValue(value, op.event);
    ops_.push_back(op);
  }
}

std::optional<LineVerdict> LineHandler::TakeForeign(
    const Sample& sample, const DatagramSource& source, NewSender new_sender) {
  const SeriesRef* const app =
      resolver_.Resolve(sample.tags, {}, source, new_sender);
  if (app == nullptr) return std::nullopt;
  return foreign_.Take(sample, app->key, ops_);
}

void LineHandler::TakeHeld(NewSender new_sender) {
  if (held_.IsEmpty()) return;
  held_.Offer(clock_(), new_sender,
              [this](Transport transport, std::string_view line,
                     const DatagramSource& source, NewSender now) {
                resolver_.BeginPacket();
                const auto verdict = Take(line, source, now);
                if (verdict) Count(transport, *verdict);
                return verdict.has_value();
              });
}

void LineHandler::CountTooLong(Transport transport) {
  if (relay_ != nullptr) relay_->CountDropped();
  Count(transport, LineVerdict::kTooLong);
}

void LineHandler::Count(Transport transport, LineVerdict verdict) {
  ++counts_.lines[static_cast<std::size_t>(transport)];
  ++counts_.verdicts[static_cast<std::size_t>(verdict)];
  has_counts_ = true;
}

bool LineHandler::Flush() {
  TakeHeld(NewSender::kLookUp);
  if (relay_ != nullptr) relay_->Flush();
  if (!ops_.empty() && !store_.TryAdd(ops_)) return false;
  Publish();
  return held_.IsEmpty();
}

void LineHandler::FlushAndWait() {
  if (!ops_.empty()) store_.Add(ops_);
  Publish();
}

void LineHandler::Publish() {
  ops_.clear();
  if (!has_counts_) return;
  stats_.Add(counts_);
  counts_ = ReceiverCounts();
  has_counts_ = false;
}

}  // namespace gunicorn_exporter
