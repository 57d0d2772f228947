#include "collectors/statsd/who/sender_cache.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr nanoseconds kAnswerHolds = seconds(5);
constexpr nanoseconds kFirstRetry = milliseconds(50);
constexpr nanoseconds kLastRetry = seconds(3);

// A packet that came over IPv4 to an IPv6 socket is told as ::ffff:127.0.0.1.
sockaddr_storage Unmapped(const sockaddr_storage& address) {
  if (address.ss_family != AF_INET6) return address;
  sockaddr_in6 wide{};
  std::memcpy(&wide, &address, sizeof(wide));
  if (!IN6_IS_ADDR_V4MAPPED(&wide.sin6_addr)) return address;
  constexpr std::size_t kPrefixBytes = 12;
  sockaddr_in narrow{};
  narrow.sin_family = AF_INET;
  narrow.sin_port = wide.sin6_port;
  std::memcpy(&narrow.sin_addr, wide.sin6_addr.s6_addr + kPrefixBytes,
              sizeof(narrow.sin_addr));
  sockaddr_storage unmapped{};
  std::memcpy(&unmapped, &narrow, sizeof(narrow));
  return unmapped;
}

// The bytes that tell senders apart, in a buffer of the caller's.
class SourceKey {
 public:
  explicit SourceKey(const DatagramSource& source) {
    if (source.address == nullptr) {
      Append(&source.pid, sizeof(source.pid));
    } else if (source.address->ss_family == AF_INET) {
      sockaddr_in address{};
      std::memcpy(&address, source.address, sizeof(address));
      Append(&address.sin_port, sizeof(address.sin_port));
      Append(&address.sin_addr, sizeof(address.sin_addr));
    } else {
      sockaddr_in6 address{};
      std::memcpy(&address, source.address, sizeof(address));
      Append(&address.sin6_port, sizeof(address.sin6_port));
      Append(&address.sin6_addr, sizeof(address.sin6_addr));
    }
  }
  std::string_view text() const { return {bytes_, size_}; }

 private:
  void Append(const void* bytes, std::size_t count) {
    std::memcpy(bytes_ + size_, bytes, count);
    size_ += count;
  }

  char bytes_[sizeof(in6_addr) + sizeof(in_port_t)] = {};
  std::size_t size_ = 0;
};

}  // namespace

SenderCache::SenderCache(SenderLookup* lookup, Clock clock)
    : lookup_(lookup), clock_(std::move(clock)) {}

std::optional<SeriesRef*> SenderCache::Find(const DatagramSource& source,
                                            NewSender new_sender) {
  if (lookup_ == nullptr || (source.pid == 0 && source.address == nullptr)) {
    return nullptr;
  }
  const SourceKey key(source);
  const nanoseconds now = clock_();
  Answer* answer = answers_.Find(key.text());
  if (answer == nullptr && new_sender != NewSender::kLookUp) {
    return std::nullopt;
  }
  if (answer == nullptr || answer->generation != lookup_->Generation() ||
      now >= answer->valid_until) {
    if (!budget_.Allows(now, answer == nullptr)) {
      if (answer == nullptr) return std::nullopt;
      return answer->found ? &answer->ref : nullptr;
    }
    if (answer == nullptr) answer = &answers_.Insert(key.text(), Answer());
    LookUp(source, now, *answer);
  }
  return answer->found ? &answer->ref : nullptr;
}

void SenderCache::LookUp(const DatagramSource& source, nanoseconds now,
                         Answer& answer) {
  // Before the question: what changes meanwhile makes the answer old.
  const std::uint64_t generation = lookup_->Generation();
  const std::optional<Sender> sender =
      source.address == nullptr
          ? lookup_->FindByPid(source.pid)
          : lookup_->FindByUdpSource(Unmapped(*source.address));
  const nanoseconds after = clock_();
  budget_.Spend(after - now);
  if (!sender && answer.found && !lookup_->Answers()) {
    answer.valid_until = after + kFirstRetry;
    return;
  }
  answer.generation = generation;
  answer.found = sender.has_value();
  if (sender) {
    if (answer.ref.key.app != sender->app) {
      answer.ref = SeriesRef{{sender->app, {}}};
    }
    answer.retry_after = nanoseconds(0);
    answer.valid_until = after + kAnswerHolds;
  } else {
    answer.retry_after =
        std::clamp(answer.retry_after * 2, kFirstRetry, kLastRetry);
    answer.valid_until = after + answer.retry_after;
  }
}

}  // namespace gunicorn_exporter
