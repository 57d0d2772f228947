// One datagram socket, UDP or unix: takes what has come, many datagrams to a
// system call, and hands it to the line handler. recvmmsg(2).
//
// Used by the receiving thread alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "collectors/statsd/lines/line_handler.h"
#include "collectors/statsd/receive/receiver_metrics.h"
#include "collectors/statsd/receive/socket.h"

namespace gunicorn_exporter {

// Room for one call's datagrams; shared by the sockets of a thread.
class DatagramBuffers;
std::shared_ptr<DatagramBuffers> MakeDatagramBuffers();

class DatagramReceiver {
 public:
  // `transport` is kUdp or kUnixgram. `tell_sender`: ask the kernel who sent
  // each datagram. `metrics` outlives this.
  DatagramReceiver(FileDescriptor socket, Transport transport, bool tell_sender,
                   ReceiverMetrics& metrics);

  // Handles at most about `most` datagrams; returns how many there were. Counts
  // those that the kernel has dropped, too.
  std::size_t Drain(std::size_t most, DatagramBuffers& buffers,
                    LineHandler& handler);
  // How long the next datagrams may wait in the kernel's queue: waking up for
  // each costs more than handling it. Zero for a unix socket, whose senders
  // block when ten wait, and for a queue that has little room.
  std::chrono::milliseconds Patience() const;

  const FileDescriptor& socket() const { return socket_; }
  Transport transport() const { return transport_; }

 private:
  void CountDropped();

  FileDescriptor socket_;
  const Transport transport_;
  const bool tell_sender_;
  ReceiverMetrics& metrics_;
  std::uint32_t last_drops_ = 0;  // The kernel's count.
};

}  // namespace gunicorn_exporter
