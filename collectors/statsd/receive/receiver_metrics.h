// What the receivers count about themselves (section 4.3 of the interface), in
// the exporter's registry. Added to by the receiving thread, read by scrapes.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

#include <array>
#include <cstdint>

#include "collectors/statsd/lines/line_counts.h"
#include "collectors/statsd/lines/line_examples.h"
#include "collectors/statsd/who/carried_names.h"

namespace gunicorn_exporter {

class ReceiverMetrics {
 public:
  // All reasons are there from the start. The registry outlives this.
  explicit ReceiverMetrics(prometheus::Registry& registry);

  // The transport's series are there from now on; before what comes over it is
  // counted. Once or several times.
  void SwitchOn(Transport transport);
  // Who sees a line sees what became of it. Who sees a packet sees its lines,
  // but for those that are held until their sender is known.
  void Add(const LineCounts& counts);
  // Datagrams that the kernel dropped.
  void AddDropped(Transport transport, std::uint64_t packets);
  // A TCP connection that was closed at once.
  void AddRefusedConnection() { refused_connections_->Increment(); }

  // What the lines told beside their numbers.
  CarriedNames carried_names;
  LineExamples examples;

 private:
  using Counters = prometheus::Family<prometheus::Counter>;

  prometheus::Registry& registry_;
  Counters& packets_;
  Counters& lines_;
  Counters& dropped_;
  // Null where the transport is off.
  std::array<prometheus::Counter*, kTransports> packets_of_{};
  std::array<prometheus::Counter*, kTransports> lines_of_{};
  std::array<prometheus::Counter*, kTransports> dropped_of_{};
  prometheus::Counter* refused_connections_ = nullptr;
  std::array<prometheus::Counter*, kLineVerdicts> verdicts_{};
};

}  // namespace gunicorn_exporter
