#include "collectors/statsd/statsd_collector.h"

#include <string>
#include <utility>

namespace gunicorn_exporter {
namespace {

constexpr Transport kAllTransports[] = {Transport::kUdp, Transport::kUnixgram,
                                        Transport::kTcp};

MetricFamily Counter(std::string name, std::string help) {
  return {std::move(name), std::move(help), MetricType::kCounter, {}};
}

void AddRelay(const Relay& relay, std::vector<MetricFamily>& families) {
  const auto add = [&](const char* name, const char* help,
                       std::uint64_t value) {
    families.push_back(Counter(name, help));
    AddSeries(families.back(), nullptr, nullptr, static_cast<double>(value));
  };
  add("gunicorn_exporter_statsd_relay_packets_total",
      "Packets sent to statsd.relay_address.", relay.packets());
  add("gunicorn_exporter_statsd_relay_lines_total",
      "Lines forwarded to statsd.relay_address.", relay.lines());
  add("gunicorn_exporter_statsd_relay_dropped_lines_total",
      "Lines that could not be forwarded at once, and were dropped.",
      relay.dropped_lines());
}

}  // namespace

std::vector<MetricFamily> StatsdCollector::Collect() {
  // The receivers first: a line that they have counted is in the store.
  std::vector<MetricFamily> receivers;
  AddReceivers(receivers);
  std::vector<MetricFamily> families = store_.Collect();
  for (MetricFamily& family : receivers) families.push_back(std::move(family));
  return families;
}

void StatsdCollector::AddReceivers(std::vector<MetricFamily>& families) const {
  const ReceiverStats& stats = server_.stats();
  MetricFamily packets =
      Counter("gunicorn_exporter_statsd_packets_total",
              "Datagrams received; of TCP, pieces of the stream.");
  MetricFamily lines = Counter(
      "gunicorn_exporter_statsd_lines_total",
      "Lines received, refused and ignored ones included, empty ones not.");
  MetricFamily dropped =
      Counter("gunicorn_exporter_statsd_dropped_packets_total",
              "Datagrams that the kernel dropped because they came faster than "
              "they were read, by the kernel's own count.");
  for (const Transport transport : kAllTransports) {
    if (!server_.has(transport)) continue;
    const LabelSetPtr labels =
        MakeLabels({{"transport", std::string(TransportName(transport))}});
    AddSeries(packets, nullptr, labels,
              static_cast<double>(stats.packets(transport)));
    AddSeries(lines, nullptr, labels,
              static_cast<double>(stats.lines(transport)));
    AddSeries(dropped, nullptr, labels,
              static_cast<double>(server_.dropped_packets(transport)));
  }

  MetricFamily errors = Counter("gunicorn_exporter_statsd_line_errors_total",
                                "Lines refused because they are wrong.");
  MetricFamily ignored = Counter(
      "gunicorn_exporter_statsd_ignored_lines_total",
      "Lines that are right but not gunicorn's, or of a kind that makes "
      "no series.");
  for (std::size_t i = 0; i < kLineVerdicts; ++i) {
    const auto verdict = static_cast<LineVerdict>(i);
    if (verdict == LineVerdict::kAccepted) continue;
    MetricFamily& family = IsRefused(verdict) ? errors : ignored;
    AddSeries(family, nullptr,
              MakeLabels({{"reason", std::string(VerdictName(verdict))}}),
              static_cast<double>(stats.verdicts(verdict)));
  }
  if (server_.has(Transport::kTcp)) {
    families.push_back(
        Counter("gunicorn_exporter_statsd_tcp_refused_connections_total",
                "TCP connections closed at once because there were too many."));
    AddSeries(families.back(), nullptr, nullptr,
              static_cast<double>(server_.refused_connections()));
  }
  if (server_.relay() != nullptr) AddRelay(*server_.relay(), families);
  for (MetricFamily* const family :
       {&packets, &lines, &dropped, &errors, &ignored}) {
    if (!family->series.empty()) families.push_back(std::move(*family));
  }
}

}  // namespace gunicorn_exporter
