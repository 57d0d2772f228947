#include "collectors/statsd/receive/receive_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "config/base/config_error.h"
#include "config/base/error_text.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;

// Then the other sockets get their turn.
constexpr std::size_t kMostAtATime = 4096;
constexpr int kMostAcceptedAtATime = 64;
constexpr std::chrono::seconds kIdleCheck{10};
// How long no connection is accepted where there is no descriptor for one.
constexpr milliseconds kDeafTime{100};
constexpr unsigned kKindShift = 32;

// While UDP packets are let come, they must not wake the thread.
std::uint32_t EventsFor(const DatagramReceiver& receiver) {
  const bool is_udp = receiver.transport() == Transport::kUdp;
  return is_udp ? EPOLLIN | EPOLLONESHOT : EPOLLIN;
}

}  // namespace

ReceiveLoop::ReceiveLoop(const std::vector<DatagramReceiver*>& receivers,
                         TcpReceiver& tcp, LineHandler& handler)
    : tcp_(tcp),
      handler_(handler),
      buffers_(MakeDatagramBuffers()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  bool watched =
      epoll_ && wake_event_ &&
      Watch(wake_event_.get(), Kind::kWake, 0, EPOLLIN, EPOLL_CTL_ADD);
  for (DatagramReceiver* const receiver : receivers) {
    channels_.push_back({receiver, false, {}});
    watched = watched &&
              Watch(receiver->socket().get(), Kind::kDatagrams,
                    channels_.size() - 1, EventsFor(*receiver), EPOLL_CTL_ADD);
  }
  for (std::size_t i = 0; i < tcp_.listeners().size(); ++i) {
    watched = watched && Watch(tcp_.listeners()[i].get(), Kind::kListener, i,
                               EPOLLIN, EPOLL_CTL_ADD);
  }
  if (!watched) {
    throw ConfigError("statsd: cannot wait for sockets: " + ErrorText(errno));
  }
}

bool ReceiveLoop::Watch(int fd, Kind kind, std::size_t number,
                        std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 =
      (std::uint64_t{static_cast<std::uint32_t>(kind)} << kKindShift) | number;
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

void ReceiveLoop::Run() {
  constexpr int kEventsAtATime = 64;
  std::array<epoll_event, kEventsAtATime> events{};
  while (!stopping_) {
    const int count = epoll_wait(epoll_.get(), events.data(), kEventsAtATime,
                                 TimeoutMs(Clock::now()));
    const Clock::time_point now = Clock::now();
    const std::uint64_t calls = calls_;
    for (int i = 0; i < count; ++i) {
      const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
      HandleEvent(static_cast<Kind>(id >> kKindShift),
                  static_cast<std::uint32_t>(id), now);
    }
    // After HandleEvent, which lets packets wait.
    if (calls != answered_) {
      for (Channel& channel : channels_) {
        channel.is_waiting = true;
        channel.due = now;
      }
    }
    DrainDue(now);
    ListenAgain(now);
    if (now >= next_idle_check_) {
      tcp_.CloseIdle(now);
      next_idle_check_ = now + kIdleCheck;
    }
    is_flushed_ = handler_.Flush();
    if (has_drained_ && is_flushed_ && !handler_.has_held()) Answer(calls);
  }
  DrainAll(Clock::now());
  handler_.Finish();
  Answer(std::numeric_limits<std::uint64_t>::max());
}

void ReceiveLoop::Stop() {
  stopping_ = true;
  Wake();
}

bool ReceiveLoop::WaitUntilTaken(milliseconds patience) {
  const std::uint64_t call = ++calls_;
  Wake();
  std::unique_lock lock(answered_mutex_);
  return answered_changed_.wait_for(lock, patience,
                                    [&] { return answered_ >= call; });
}

void ReceiveLoop::Answer(std::uint64_t call) {
  if (call == answered_) return;
  const std::lock_guard lock(answered_mutex_);
  answered_ = call;
  answered_changed_.notify_all();
}

void ReceiveLoop::Wake() {
  const std::uint64_t one = 1;
  // It cannot fail: the counter is far from full.
  [[maybe_unused]] const ssize_t written =
      write(wake_event_.get(), &one, sizeof(one));
}

void ReceiveLoop::HandleEvent(Kind kind, std::size_t number,
                              Clock::time_point now) {
  switch (kind) {
    case Kind::kWake: {
      std::uint64_t times = 0;
      // Each turn looks at stopping_, at calls_, and for answers.
      [[maybe_unused]] const ssize_t taken =
          read(wake_event_.get(), &times, sizeof(times));
      break;
    }
    case Kind::kDatagrams:
      channels_[number].is_waiting = true;
      channels_[number].due = now + channels_[number].receiver->Patience();
      break;
    case Kind::kListener:
      Accept(number, now);
      break;
    case Kind::kConnection:
      tcp_.Read(static_cast<int>(number), now);
      break;
  }
}

void ReceiveLoop::Accept(std::size_t listener, Clock::time_point now) {
  for (int i = 0; i < kMostAcceptedAtATime; ++i) {
    const int fd = tcp_.Accept(listener, now);
    if (fd < 0) break;
    Watch(fd, Kind::kConnection, static_cast<std::size_t>(fd), EPOLLIN,
          EPOLL_CTL_ADD);
  }
  if (!tcp_.is_short()) return;
  Watch(tcp_.listeners()[listener].get(), Kind::kListener, listener, 0,
        EPOLL_CTL_MOD);
  is_deaf_ = true;
  listen_again_ = now + kDeafTime;
}

void ReceiveLoop::ListenAgain(Clock::time_point now) {
  if (!is_deaf_ || now < listen_again_) return;
  is_deaf_ = false;
  for (std::size_t i = 0; i < tcp_.listeners().size(); ++i) {
    Watch(tcp_.listeners()[i].get(), Kind::kListener, i, EPOLLIN,
          EPOLL_CTL_MOD);
  }
}

void ReceiveLoop::DrainDue(Clock::time_point now) {
  has_drained_ = true;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    Channel& channel = channels_[i];
    if (!channel.is_waiting || channel.due > now) continue;
    const milliseconds patience = channel.receiver->Patience();
    const std::size_t drained =
        channel.receiver->Drain(kMostAtATime, *buffers_, handler_);
    if (drained >= kMostAtATime) has_drained_ = false;
    if (drained == 0 || patience.count() == 0) {
      channel.is_waiting = false;
      if (channel.receiver->transport() != Transport::kUdp) continue;
      Watch(channel.receiver->socket().get(), Kind::kDatagrams, i,
            EventsFor(*channel.receiver), EPOLL_CTL_MOD);
    } else {
      // More will come soon: look again then, without being woken.
      channel.due = now + patience;
    }
  }
}

// What had come before the end still counts.
void ReceiveLoop::DrainAll(Clock::time_point now) {
  for (Channel& channel : channels_) {
    channel.receiver->Drain(kMostAtATime, *buffers_, handler_);
  }
  for (std::size_t i = 0; i < tcp_.listeners().size(); ++i) {
    while (tcp_.Accept(i, now) >= 0) {
    }
  }
  tcp_.CloseAll(now);
}

int ReceiveLoop::TimeoutMs(Clock::time_point now) const {
  milliseconds timeout(-1);
  const auto shorten = [&](milliseconds wanted) {
    timeout = timeout.count() < 0 ? wanted : std::min(timeout, wanted);
  };
  if (!is_flushed_) {
    shorten(milliseconds(1));
  } else if (!has_drained_ && calls_ != answered_) {
    shorten(milliseconds(0));
  }
  if (const auto held = handler_.HeldFor()) shorten(*held);
  if (tcp_.connections() != 0) shorten(kIdleCheck);
  if (is_deaf_) {
    shorten(std::max(milliseconds(0),
                     std::chrono::ceil<milliseconds>(listen_again_ - now)));
  }
  for (const Channel& channel : channels_) {
    if (!channel.is_waiting) continue;
    shorten(std::max(milliseconds(0),
                     std::chrono::ceil<milliseconds>(channel.due - now)));
  }
  return static_cast<int>(timeout.count());
}

}  // namespace gunicorn_exporter
