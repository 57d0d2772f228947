// What SocketServer's thread does: waits for all sockets, and moves each
// connection through its states (connection.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporter/web/connection.h"
#include "exporter/web/listener.h"
#include "exporter/web/poller.h"
#include "exporter/web/socket_server.h"
#include "exporter/web/transport.h"
#include "exporter/web/worker_pool.h"

namespace gunicorn_exporter {

// All belongs to the loop's thread but `stop_` and what `answers_mutex_`
// guards.
class SocketLoop {
 public:
  SocketLoop(std::vector<Listener> listeners,
             SocketServer::TransportFactory make_transport,
             SocketServer::Handler handler, const SocketLimits& limits);
  ~SocketLoop();

 private:
  using Clock = Connection::Clock;

  void Run();
  bool Finished() const;
  std::chrono::milliseconds LongestWait() const;

  void Accept(int listener);
  void AddConnection(int socket);
  void SayShortage(int error);
  void PauseAccepting(bool pause);
  bool EvictOne();

  void OnEvent(Connection& connection, std::uint32_t events);
  void Read(Connection& connection);
  bool TakeRequest(Connection& connection);
  void Handle(Connection& connection, std::string head);
  void TakeAnswers();
  void BeginWriting(Connection& connection, SocketAnswer answer);
  void Write(Connection& connection);
  void FinishAnswer(Connection& connection);
  void Linger(Connection& connection);
  void BoundUnread(const Connection& newest);

  void Enter(Connection& connection, Connection::State state,
             Clock::duration time);
  void WaitFor(Connection& connection, std::uint32_t events);
  void WaitFor(Connection& connection, ClientTransport::Status status);
  void Close(Connection& connection);
  void CloseLate();
  void BeginStop();

  const SocketServer::TransportFactory make_transport_;
  const SocketServer::Handler handler_;
  const SocketLimits limits_;
  Poller poller_;
  std::vector<Listener> listeners_;
  bool accepting_ = true;
  Clock::time_point accept_again_;
  Clock::time_point say_shortage_again_;

  ConnectionTable connections_;
  std::uint64_t next_id_;
  std::size_t unread_bytes_ = 0;  // Of the answers being written.
  Clock::time_point now_;         // Taken once for each round.

  std::atomic<bool> stop_{false};
  bool stopping_ = false;
  Clock::time_point stop_deadline_;

  std::mutex answers_mutex_;
  std::vector<std::pair<std::uint64_t, SocketAnswer>> answers_;

  std::thread thread_;
  // Last: its threads use what stands above.
  std::unique_ptr<WorkerPool> workers_;
};

}  // namespace gunicorn_exporter
