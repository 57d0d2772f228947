#include "collectors/statsd/receive/datagram_receiver.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>
#include <vector>

namespace gunicorn_exporter {

namespace {

constexpr std::size_t kDatagramsAtATime = 64;
// The longest that UDP carries.
constexpr std::size_t kLongestDatagram = 65536;
// So that the beginnings of the buffers do not all fall into the same lines of
// the processor's cache.
constexpr std::size_t kStride = kLongestDatagram + 5 * 64;
// A unix socket's queue holds about ten; where half of that had come, its
// senders wait for us, and to try again is quicker than to be woken.
constexpr std::size_t kBusyQueue = 5;
constexpr int kTriesWhenBusy = 20;  // Some microseconds.
constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(ucred));

}  // namespace

class DatagramBuffers {
 public:
  DatagramBuffers() : bytes_(new char[kDatagramsAtATime * kStride]) {
    for (std::size_t i = 0; i < kDatagramsAtATime; ++i) {
      vectors_[i] = {bytes_.get() + i * kStride, kLongestDatagram};
      messages_[i].msg_hdr.msg_iov = &vectors_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  // What to ask for with each datagram; the same until the next call.
  void Ask(bool address, bool credentials) {
    if (asks_address_ == address && asks_credentials_ == credentials) return;
    asks_address_ = address;
    asks_credentials_ = credentials;
    used_ = kDatagramsAtATime;
  }

  int Receive(int fd) {
    Restore();
    const int received = recvmmsg(fd, messages_.data(), kDatagramsAtATime,
                                  MSG_DONTWAIT, nullptr);
    used_ = received > 0 ? static_cast<std::size_t>(received) : 0;
    return received;
  }

  std::string_view text(std::size_t i) const {
    return {static_cast<const char*>(vectors_[i].iov_base),
            messages_[i].msg_len};
  }
  bool truncated(std::size_t i) const {
    return (messages_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
  }

  DatagramSource source(std::size_t i) {
    msghdr& header = messages_[i].msg_hdr;
    DatagramSource source;
    if (header.msg_namelen != 0 && header.msg_name != nullptr) {
      source.address = &addresses_[i];
    }
    if (header.msg_controllen == 0) return source;
    for (const cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, const_cast<cmsghdr*>(control))) {
      if (control->cmsg_level == SOL_SOCKET &&
          control->cmsg_type == SCM_CREDENTIALS) {
        ucred credentials{};
        std::memcpy(&credentials, CMSG_DATA(control), sizeof(credentials));
        source.pid = credentials.pid;
      }
    }
    return source;
  }

 private:
  // The kernel writes the lengths that it filled in over the ones given.
  void Restore() {
    for (std::size_t i = 0; i < used_; ++i) {
      msghdr& header = messages_[i].msg_hdr;
      header.msg_name = asks_address_ ? &addresses_[i] : nullptr;
      header.msg_namelen = asks_address_ ? sizeof(addresses_[i]) : 0;
      header.msg_control = asks_credentials_ ? controls_[i].data() : nullptr;
      header.msg_controllen = asks_credentials_ ? kControlBytes : 0;
    }
  }

  bool asks_address_ = false;
  bool asks_credentials_ = false;
  std::size_t used_ = 0;  // Messages that the last call filled in.
  std::unique_ptr<char[]> bytes_;
  std::array<iovec, kDatagramsAtATime> vectors_{};
  std::array<mmsghdr, kDatagramsAtATime> messages_{};
  std::array<sockaddr_storage, kDatagramsAtATime> addresses_{};
  alignas(cmsghdr) std::array<std::array<char, kControlBytes>,
                              kDatagramsAtATime> controls_{};
};

std::shared_ptr<DatagramBuffers> MakeDatagramBuffers() {
  return std::make_shared<DatagramBuffers>();
}

DatagramReceiver::DatagramReceiver(FileDescriptor socket, Transport transport,
                                   bool tell_sender, ReceiverMetrics& metrics)
    : socket_(std::move(socket)),
      transport_(transport),
      tell_sender_(tell_sender),
      metrics_(metrics) {
  metrics_.SwitchOn(transport_);
  if (transport_ == Transport::kUnixgram && tell_sender_) {
    const int on = 1;
    setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
  }
  // An inherited socket's count began with somebody else.
  if (const auto memory = ReadReceiveMemory(socket_)) {
    last_drops_ = memory->drops;
  }
}

std::size_t DatagramReceiver::Drain(std::size_t most, DatagramBuffers& buffers,
                                    LineHandler& handler) {
  const bool is_udp = transport_ == Transport::kUdp;
  buffers.Ask(tell_sender_ && is_udp, tell_sender_ && !is_udp);
  std::size_t drained = 0;
  int tries = 0;  // That an empty queue still gets.
  while (drained < most) {
    const int received = buffers.Receive(socket_.get());
    if (received <= 0) {
      if (tries-- <= 0) break;
      continue;
    }
    const auto count = static_cast<std::size_t>(received);
    for (std::size_t i = 0; i < count; ++i) {
      handler.HandleDatagram(
          transport_, buffers.text(i),
          tell_sender_ ? buffers.source(i) : DatagramSource(),
          buffers.truncated(i));
    }
    drained += count;
    if (is_udp) {
      if (count < kDatagramsAtATime) break;
    } else {
      tries = count >= kBusyQueue ? kTriesWhenBusy : 0;
    }
  }
  if (drained != 0) CountDropped();
  return drained;
}

// Those of a unix socket wait; the kernel drops none.
void DatagramReceiver::CountDropped() {
  if (transport_ != Transport::kUdp) return;
  const auto memory = ReadReceiveMemory(socket_);
  if (!memory) return;
  // Right when it wrapped, too.
  metrics_.AddDropped(transport_, memory->drops - last_drops_);
  last_drops_ = memory->drops;
}

std::chrono::milliseconds DatagramReceiver::Patience() const {
  constexpr std::chrono::milliseconds kPatience(2);
  // 400 small packets, which come in two milliseconds at 200,000 a second, take
  // 300 KiB of the kernel's count.
  constexpr std::uint32_t kRoomToWait = 1U << 20U;
  if (transport_ == Transport::kUnixgram) return {};
  const auto memory = ReadReceiveMemory(socket_);
  const bool room = memory && memory->limit_bytes >= kRoomToWait &&
                    memory->queued_bytes < memory->limit_bytes / 4;
  return room ? kPatience : std::chrono::milliseconds(0);
}

}  // namespace gunicorn_exporter
