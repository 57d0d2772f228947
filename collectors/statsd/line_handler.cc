#include "collectors/statsd/line_handler.h"

#include <utility>

#include "collectors/statsd/parse_line.h"
#include "collectors/statsd/translate.h"

namespace gunicorn_exporter {
namespace {

// As many events are handed over at a time; the store is locked meanwhile.
constexpr std::size_t kBatch = 1024;
// As many may pile up while the store is busy: about three megabytes.
constexpr std::size_t kMostOps = 65536;

}  // namespace

LineHandler::LineHandler(MetricStore& store, SenderLookup* lookup,
                         ReceiverStats& stats, Relay* relay,
                         SenderCache::Clock clock)
    : store_(store),
      stats_(stats),
      relay_(relay),
      resolver_(lookup, std::move(clock), store.naming()),
      naming_version_(0) {
  ops_.reserve(2 * kBatch);
}

void LineHandler::BeginPacket() {
  const std::uint64_t version = store_.naming_version();
  if (version != naming_version_) {
    FlushAndWait();
    // Before the naming is read: a newer one is then found next time.
    naming_version_ = version;
    resolver_.SetNaming(store_.naming());
  } else if (resolver_.IsFull()) {
    FlushAndWait();
    resolver_.Clear();
  } else if (ops_.size() >= kMostOps) {
    FlushAndWait();
  } else if (ops_.size() >= kBatch) {
    Flush();
  }
}

void LineHandler::HandleDatagram(Transport transport, std::string_view packet,
                                 const DatagramSource& source, bool truncated) {
  CountPacket(transport);
  while (!packet.empty()) {
    const std::size_t end = packet.find('\n');
    const std::string_view line = packet.substr(0, end);
    packet.remove_prefix(end == std::string_view::npos ? packet.size()
                                                       : end + 1);
    if (truncated && end == std::string_view::npos) {
      CountTooLong(transport);
    } else {
      HandleLine(transport, line, source);
    }
  }
}

void LineHandler::HandleLine(Transport transport, std::string_view line,
                             const DatagramSource& source) {
  const std::string_view unchanged = line;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return;
  if (relay_ != nullptr) relay_->Add(unchanged);
  BeginPacket();
  Count(transport, Take(line, source));
}

LineVerdict LineHandler::Take(std::string_view line,
                              const DatagramSource& source) {
  Sample sample;
  LineVerdict verdict = ParseLine(line, sample);
  if (verdict != LineVerdict::kAccepted) return verdict;
  Translation translation;
  verdict = Translate(sample, translation);
  if (verdict != LineVerdict::kAccepted) return verdict;

  StoreOp op;
  op.ref = &resolver_.Resolve(sample.tags, translation.prefix, source);
  op.event = translation.event;
  SetEventValue(sample.first, op.event);
  ops_.push_back(op);
  op.begins_line = false;
  std::string_view others = sample.others;
  SampleValue value;
  while (!others.empty() && TakeValue(others, value)) {
    SetEventValue(value, op.event);
    ops_.push_back(op);
  }
  return verdict;
}

void LineHandler::CountPacket(Transport transport) {
  ++counts_.packets[static_cast<std::size_t>(transport)];
  has_counts_ = true;
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
  if (relay_ != nullptr) relay_->Flush();
  if (!ops_.empty() && !store_.TryAdd(ops_)) return false;
  Publish();
  return true;
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
