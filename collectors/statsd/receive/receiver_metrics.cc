#include "collectors/statsd/receive/receiver_metrics.h"

#include <cstddef>
#include <string>

namespace gunicorn_exporter {
namespace {

using prometheus::BuildCounter;

template <std::size_t kSize>
void AddAll(const std::array<prometheus::Counter*, kSize>& totals,
            const std::array<std::uint64_t, kSize>& counts) {
  for (std::size_t i = 0; i < kSize; ++i) {
    if (counts[i] != 0 && totals[i] != nullptr) {
      totals[i]->Increment(static_cast<double>(counts[i]));
    }
  }
}

}  // namespace

// A scrape reads the families in this order: packets before their lines.
ReceiverMetrics::ReceiverMetrics(prometheus::Registry& registry)
    : registry_(registry),
      packets_(BuildCounter()
                   .Name("gunicorn_exporter_statsd_packets_total")
                   .Help("Datagrams received; of TCP, pieces of the stream.")
                   .Register(registry)),
      lines_(BuildCounter()
                 .Name("gunicorn_exporter_statsd_lines_total")
                 .Help("Lines received, refused and ignored ones included, "
                       "empty ones not.")
                 .Register(registry)),
      dropped_(BuildCounter()
                   .Name("gunicorn_exporter_statsd_dropped_packets_total")
                   .Help("Datagrams that the kernel dropped because they came "
                         "faster than they were read, by the kernel's own "
                         "count.")
                   .Register(registry)) {
  Counters& errors = BuildCounter()
                         .Name("gunicorn_exporter_statsd_line_errors_total")
                         .Help("Lines refused because they are wrong.")
                         .Register(registry);
  Counters& ignored = BuildCounter()
                          .Name("gunicorn_exporter_statsd_ignored_lines_total")
                          .Help(
                              "Lines that are right but not gunicorn's, or "
                              "of a kind that makes no series.")
                          .Register(registry);
  for (std::size_t i = 0; i < kLineVerdicts; ++i) {
    const auto verdict = static_cast<LineVerdict>(i);
    if (verdict == LineVerdict::kAccepted) continue;
    Counters& family = IsRefused(verdict) ? errors : ignored;
    verdicts_[i] = &family.Add({{"reason", std::string(VerdictName(verdict))}});
  }
}

void ReceiverMetrics::SwitchOn(Transport transport) {
  const auto i = static_cast<std::size_t>(transport);
  const prometheus::Labels labels = {
      {"transport", std::string(TransportName(transport))}};
  packets_of_[i] = &packets_.Add(labels);
  lines_of_[i] = &lines_.Add(labels);
  dropped_of_[i] = &dropped_.Add(labels);
  if (transport != Transport::kTcp || refused_connections_ != nullptr) return;
  refused_connections_ =
      &BuildCounter()
           .Name("gunicorn_exporter_statsd_tcp_refused_connections_total")
           .Help("TCP connections closed at once because there were too many.")
           .Register(registry_)
           .Add({});
}

void ReceiverMetrics::Add(const LineCounts& counts) {
  AddAll(verdicts_, counts.verdicts);
  AddAll(lines_of_, counts.lines);
  AddAll(packets_of_, counts.packets);
}

void ReceiverMetrics::AddDropped(Transport transport, std::uint64_t packets) {
  prometheus::Counter* const total =
      dropped_of_[static_cast<std::size_t>(transport)];
  if (packets != 0 && total != nullptr) {
    total->Increment(static_cast<double>(packets));
  }
}

}  // namespace gunicorn_exporter
