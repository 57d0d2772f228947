#include "exporter/web/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

namespace gunicorn_exporter {
namespace {

constexpr std::uint64_t kWakeId = 0;

FileDescriptor Checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return FileDescriptor(fd);
}

epoll_event Event(std::uint64_t id, std::uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = id;
  return event;
}

}  // namespace

Poller::Poller()
    : epoll_(Checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(Checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
  if (!Add(wake_.get(), kWakeId, EPOLLIN)) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

bool Poller::Add(int fd, std::uint64_t id, std::uint32_t events) {
  epoll_event event = Event(id, events);
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::Change(int fd, std::uint64_t id, std::uint32_t events) {
  epoll_event event = Event(id, events);
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Poller::Remove(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::Wait(std::chrono::milliseconds longest, const OnEvent& on_event) {
  std::array<epoll_event, 64> events;
  const int count =
      epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                 static_cast<int>(longest.count()));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 != kWakeId) {
      on_event(event.data.u64, event.events);
      continue;
    }
    std::uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t got =
        read(wake_.get(), &ignored, sizeof(ignored));
  }
}

void Poller::Wake() const {
  const std::uint64_t one = 1;
  // Fails only where it is full, and then the waiter is about to wake anyway.
  [[maybe_unused]] const ssize_t put = write(wake_.get(), &one, sizeof(one));
}

}  // namespace gunicorn_exporter
