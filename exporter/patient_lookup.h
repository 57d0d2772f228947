// A SenderLookup that does not keep the receiving thread waiting where the
// process table hangs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "collectors/sender_lookup.h"
#include "exporter/patient_caller.h"

namespace gunicorn_exporter {

class PatientLookup : public SenderLookup {
 public:
  // `lookup` must outlive the calls that Drain() waits for.
  explicit PatientLookup(SenderLookup& lookup);

  std::optional<Sender> FindByPid(pid_t pid) override;
  std::optional<Sender> FindByUdpSource(
      const sockaddr_storage& source) override;
  std::uint64_t Generation() const override { return lookup_.Generation(); }
  bool Answers() const override { return !caller_.Hangs(); }

  bool Drain(PatientCaller::Clock::time_point deadline) {
    return caller_.Drain(deadline);
  }

 private:
  using Question = std::function<std::optional<Sender>(SenderLookup&)>;
  std::optional<Sender> Ask(const Question& question);

  SenderLookup& lookup_;
  PatientCaller caller_;
};

}  // namespace gunicorn_exporter
