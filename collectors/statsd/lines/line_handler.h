// From received bytes to events in the store: splits packets into lines, parses
// and names each, and counts what becomes of it.
//
// Belongs to one receiving thread. It does not wait for the store, since events
// pile up here while it is busy; but where their names are to be forgotten, or
// too many have piled up, it does. The counts of lines are published after the
// lines' events are in the store, so that who sees the one can rely on the
// other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/sender_questions.h"
#include "collectors/series/metric_store.h"
#include "collectors/series/series_key.h"
#include "collectors/statsd/lines/foreign_lines.h"
#include "collectors/statsd/lines/line_counts.h"
#include "collectors/statsd/lines/line_examples.h"
#include "collectors/statsd/lines/parse_line.h"
#include "collectors/statsd/receive/receiver_metrics.h"
#include "collectors/statsd/receive/relay.h"
#include "collectors/statsd/who/app_resolver.h"
#include "collectors/statsd/who/senders.h"

namespace gunicorn_exporter {

class LineHandler {
 public:
  // All outlive this; `questions` and `relay` may be null.
  LineHandler(MetricStore& store, SenderQuestions* questions,
              ReceiverMetrics& metrics, Relay* relay,
              Senders::Clock clock = Senders::SteadyNow);

  // A datagram, whole. `truncated`: the kernel cut its end off, and its last
  // line is not whole.
  void HandleDatagram(Transport transport, std::string_view packet,
                      const DatagramSource& source, bool truncated);
  // Before the lines of each piece of a stream. Counts it.
  void BeginPacket(Transport transport);
  // Takes a "\r" off the end of the line's text.
  void HandleLine(ReceivedLine& line);
  // A line that was longer than what is kept of it.
  void CountTooLong(const ReceivedLine& line);

  // Takes answers about senders, and hands over what has piled up, to the relay
  // too. False where the store is busy: call again soon.
  bool Flush();
  // At the end: the same, but waits for the store, and counts all held lines.
  void Finish();
  // Lines are held until their senders are known.
  bool has_held() const { return senders_.has_held(); }
  // How long until the first of them have waited enough, and Flush is due.
  // Nothing: none is held.
  std::optional<std::chrono::milliseconds> HeldFor() const {
    return senders_.HeldFor();
  }

 private:
  // Counts a line, or holds it. `answer` is null but for one that was held:
  // then it is its sender's app, which is null for nobody's.
  void Take(const ReceivedLine& line, SenderApp* const* answer);
  void AddOthers(const Sample& sample);
  // Null: the line is held.
  SeriesRef* Resolve(const ReceivedLine& line, std::string_view tags,
                     std::string_view prefix, SenderApp* const* answer);
  void Count(const ReceivedLine& line, LineVerdict verdict);
  // Where one is due.
  void ShowExample(LineVerdict verdict, const ReceivedLine& line);
  void ShowRefused();
  void FlushAndWait();
  void Publish();

  MetricStore& store_;
  ReceiverMetrics& metrics_;
  Relay* const relay_;
  const Senders::Clock clock_;
  Senders senders_;
  AppResolver resolver_;
  std::uint64_t settings_version_ = 0;
  std::vector<StoreOp> ops_;
  // A line is gone when the store answers: once it has refused one whose
  // example is due, lines are kept until one more is refused.
  struct KeptLine {
    std::size_t first_op = 0;  // In ops_.
    LineExample example;
  };
  bool keeps_lines_ = false;
  std::vector<KeptLine> kept_;
  ForeignLines foreign_;
  LineCounts counts_;
  bool has_counts_ = false;
};

}  // namespace gunicorn_exporter
