// From received bytes to events in the store: splits packets into lines, parses
// and names each, and counts what becomes of it.
//
// Belongs to one receiving thread, and never waits for the store: events pile
// up here while it is busy. The counts of lines are published after the lines'
// events are in the store, so that who sees the one can rely on the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/series/metric_store.h"
#include "collectors/series/series_key.h"
#include "collectors/statsd/lines/foreign_lines.h"
#include "collectors/statsd/lines/line_verdict.h"
#include "collectors/statsd/lines/sample.h"
#include "collectors/statsd/receive/receiver_stats.h"
#include "collectors/statsd/receive/relay.h"
#include "collectors/statsd/who/app_resolver.h"
#include "collectors/statsd/who/held_lines.h"
#include "collectors/statsd/who/sender_cache.h"

namespace gunicorn_exporter {

class LineHandler {
 public:
  // All outlive this; `lookup` and `relay` may be null.
  LineHandler(MetricStore& store, SenderLookup* lookup, ReceiverStats& stats,
              Relay* relay, SenderCache::Clock clock);

  // A datagram, whole. `truncated`: the kernel cut its end off, and its last
  // line is not whole.
  void HandleDatagram(Transport transport, std::string_view packet,
                      const DatagramSource& source, bool truncated);
  // Before the lines of each piece of a stream. Counts it.
  void BeginPacket(Transport transport);
  // One line, without its "\n".
  void HandleLine(Transport transport, std::string_view line,
                  const DatagramSource& source);
  // A line that was longer than what is kept of it.
  void CountTooLong(Transport transport);

  // Hands over what has piled up, to the relay too. False where the store is
  // busy, or lines are held: call again soon.
  bool Flush();
  // Takes the lines that are held, whether there is time to look their senders
  // up or not.
  void EndHolding() { TakeHeld(NewSender::kNobody); }

 private:
  void HandleOne(Transport transport, std::string_view line,
                 const DatagramSource& source);
  // Nothing, but for kNobody: the line is to be held.
  std::optional<LineVerdict> Take(std::string_view line,
                                  const DatagramSource& source,
                                  NewSender new_sender);
  void TakeOthers(std::string_view others);
  std::optional<LineVerdict> TakeForeign(const Sample& sample,
                                         const DatagramSource& source,
                                         NewSender new_sender);
  void TakeHeld(NewSender new_sender);
  void Count(Transport transport, LineVerdict verdict);
  void FlushAndWait();
  void Publish();

  MetricStore& store_;
  ReceiverStats& stats_;
  Relay* const relay_;
  const SenderCache::Clock clock_;
  AppResolver resolver_;
  std::uint64_t settings_version_;
  std::vector<StoreOp> ops_;
  ForeignLines foreign_;
  HeldLines held_;
  ReceiverCounts counts_;
  bool has_counts_ = false;
};

}  // namespace gunicorn_exporter
