#include "collectors/statsd/receive_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include "config/config_error.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kStopId = ~std::uint64_t{0};
// Then the other sockets get their turn.
constexpr std::size_t kMostAtATime = 4096;

}  // namespace

ReceiveLoop::ReceiveLoop(std::vector<DatagramReceiver*> receivers,
                         LineHandler& handler)
    : handler_(handler),
      buffers_(MakeDatagramBuffers()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      stop_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_.is_open() || !stop_event_.is_open()) {
    throw ConfigError("statsd: cannot wait for sockets: " + ErrorText(errno));
  }
  Watch(stop_event_.fd(), kStopId, EPOLLIN);
  for (DatagramReceiver* const receiver : receivers) {
    channels_.push_back({receiver, false, {}});
    Watch(receiver->socket().fd(), channels_.size() - 1,
          EPOLLIN | EPOLLONESHOT);
  }
}

void ReceiveLoop::Watch(int fd, std::uint64_t id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) {
    throw ConfigError("statsd: cannot wait for a socket: " + ErrorText(errno));
  }
}

void ReceiveLoop::Rearm(std::size_t id) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = id;
  epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, channels_[id].receiver->socket().fd(),
            &event);
}

void ReceiveLoop::Run() {
  constexpr int kEventsAtATime = 64;
  std::array<epoll_event, kEventsAtATime> events{};
  while (!stopping_) {
    const int count = epoll_wait(epoll_.fd(), events.data(), kEventsAtATime,
                                 TimeoutMs(Clock::now()));
    const Clock::time_point now = Clock::now();
    for (int i = 0; i < count; ++i) {
      const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
      if (id != kStopId) Wake(static_cast<std::size_t>(id), now);
    }
    DrainDue(now);
    is_flushed_ = handler_.Flush();
  }
  // What had come before the stop still counts.
  for (Channel& channel : channels_) {
    channel.receiver->Drain(kMostAtATime, *buffers_, handler_);
  }
  while (!handler_.Flush()) std::this_thread::yield();
}

void ReceiveLoop::Stop() {
  stopping_ = true;
  const std::uint64_t one = 1;
  // It cannot fail: the counter is far from full.
  [[maybe_unused]] const ssize_t written =
      write(stop_event_.fd(), &one, sizeof(one));
}

void ReceiveLoop::Wake(std::size_t id, Clock::time_point now) {
  Channel& channel = channels_[id];
  channel.is_waiting = true;
  channel.due = now + channel.receiver->Patience();
}

void ReceiveLoop::DrainDue(Clock::time_point now) {
  for (std::size_t id = 0; id < channels_.size(); ++id) {
    Channel& channel = channels_[id];
    if (!channel.is_waiting || channel.due > now) continue;
    const milliseconds patience = channel.receiver->Patience();
    const std::size_t drained =
        channel.receiver->Drain(kMostAtATime, *buffers_, handler_);
    if (drained == 0 || patience.count() == 0) {
      channel.is_waiting = false;
      Rearm(id);
    } else {
      // More will come soon: look again then, without being woken.
      channel.due = now + patience;
    }
  }
}

int ReceiveLoop::TimeoutMs(Clock::time_point now) const {
  milliseconds timeout(-1);
  const auto shorten = [&](milliseconds wanted) {
    timeout = timeout.count() < 0 ? wanted : std::min(timeout, wanted);
  };
  if (!is_flushed_) shorten(milliseconds(1));
  for (const Channel& channel : channels_) {
    if (!channel.is_waiting) continue;
    shorten(std::max(milliseconds(0),
                     std::chrono::ceil<milliseconds>(channel.due - now)));
  }
  return static_cast<int>(timeout.count());
}

}  // namespace gunicorn_exporter
