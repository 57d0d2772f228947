#include "exporter/patient_lookup.h"

#include <chrono>
#include <memory>

namespace gunicorn_exporter {
namespace {

// A look at a table of 10,000 processes takes 50 ms. As long as this, the
// sockets' buffers hold what comes.
constexpr std::chrono::milliseconds kPatience(500);

}  // namespace

PatientLookup::PatientLookup(SenderLookup& lookup)
    : lookup_(lookup), caller_(kPatience) {}

std::optional<Sender> PatientLookup::Ask(const Question& question) {
  const auto answer = std::make_shared<std::optional<Sender>>();
  const bool ended = caller_.Run(
      [answer, question, &lookup = lookup_] { *answer = question(lookup); });
  return ended ? *answer : std::nullopt;
}

std::optional<Sender> PatientLookup::FindByPid(pid_t pid) {
  return Ask([pid](SenderLookup& lookup) { return lookup.FindByPid(pid); });
}

std::optional<Sender> PatientLookup::FindByUdpSource(
    const sockaddr_storage& source) {
  // A copy: the source is the caller's.
  return Ask([source](SenderLookup& lookup) {
    return lookup.FindByUdpSource(source);
  });
}

}  // namespace gunicorn_exporter
