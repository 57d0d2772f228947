// epoll with an eventfd by which other threads wake it.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

// Thread rule: one thread; Wake() is any thread's.
class Poller {
 public:
  // Throws std::system_error where the kernel refuses.
  Poller();

  // `id` comes back with each event; 0 is taken. False: the kernel refuses.
  bool Add(int fd, std::uint64_t id, std::uint32_t events);
  void Change(int fd, std::uint64_t id, std::uint32_t events);
  void Remove(int fd);

  // Waits until something happens or the time has passed, then calls `on_event`
  // for each of a bounded number of events.
  using OnEvent = std::function<void(std::uint64_t id, std::uint32_t events)>;
  void Wait(std::chrono::milliseconds longest, const OnEvent& on_event);
  void Wake() const;

 private:
  FileDescriptor epoll_;
  FileDescriptor wake_;
};

}  // namespace gunicorn_exporter
