// What the tests of lines share: packets go in, a scrape comes out, and time
// stands still.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <string>

#include "collectors/statsd/lines/line_handler.h"
#include "tests/support/fake_sender_questions.h"
#include "tests/support/fake_time.h"
#include "tests/support/find_series.h"
#include "tests/support/registry_value.h"

namespace gunicorn_exporter {

class LineHandlerTest : public testing::Test {
 protected:
  void Send(const std::string& packet, const DatagramSource& source = {}) {
    handler().HandleDatagram(Transport::kUdp, packet, source, false);
    ASSERT_TRUE(handler().Flush());
  }
  void SendFromPid(const std::string& packet, pid_t pid) {
    Send(packet, DatagramSource{pid, nullptr});
  }
  void SendFromPort(const std::string& packet, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_storage storage{};
    std::memcpy(&storage, &address, sizeof(address));
    Send(packet, DatagramSource{0, &storage});
  }
  double Value(const std::string& name, const std::string& labels) {
    return ValueOf(store().Collect({}).families, name, labels);
  }
  double Requests(const std::string& app) {
    return Value("gunicorn_requests_total", "app=\"" + app + "\"");
  }
  // Of UDP.
  double Packets() const {
    return RegistryValue(registry_, "gunicorn_exporter_statsd_packets_total",
                         "udp");
  }
  double Lines() const { return StatsdLines(registry_, "udp"); }
  double Verdicts(LineVerdict verdict) const {
    return RegistryValue(registry_,
                         IsRefused(verdict)
                             ? "gunicorn_exporter_statsd_line_errors_total"
                             : "gunicorn_exporter_statsd_ignored_lines_total",
                         VerdictName(verdict));
  }

  MetricStore& store() {
    if (!store_) store_.emplace(config_, time_.Source());
    return *store_;
  }
  LineHandler& handler() {
    if (!handler_) {
      metrics_.SwitchOn(Transport::kUdp);
      metrics_.SwitchOn(Transport::kUnixgram);
      handler_.emplace(store(), &senders_, metrics_, nullptr,
                       [this] { return time_.Now().steady; });
    }
    return *handler_;
  }

  Config config_;
  FakeTime time_;
  FakeSenderQuestions senders_;
  prometheus::Registry registry_;
  ReceiverMetrics metrics_{registry_};

 private:
  std::optional<MetricStore> store_;
  std::optional<LineHandler> handler_;
};

}  // namespace gunicorn_exporter
