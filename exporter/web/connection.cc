#include "exporter/web/connection.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

namespace gunicorn_exporter {
namespace {

bool IsIn(const Connection& connection, ConnectionTable::States states) {
  return std::find(states.begin(), states.end(), connection.state) !=
         states.end();
}

std::string_view StatusText(int status) {
  switch (status) {
    case 400:
      return "400 Bad Request";
    case 411:
      return "411 Length Required";
    case 413:
      return "413 Content Too Large";
    case 431:
      return "431 Request Header Fields Too Large";
    default:
      return "503 Service Unavailable";
  }
}

}  // namespace

std::string_view Connection::UnwrittenPart() const {
  const std::size_t head_bytes = answer.head.size();
  if (written < head_bytes) {
    return std::string_view{answer.head}.substr(written);
  }
  return std::string_view{answer.body}.substr(written - head_bytes);
}

Connection& ConnectionTable::Add(std::unique_ptr<Connection> connection) {
  const std::uint64_t id = connection->id;
  return *connections_.emplace(id, std::move(connection)).first->second;
}

Connection* ConnectionTable::Find(std::uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void ConnectionTable::Remove(const Connection& connection) {
  connections_.erase(connection.id);
}

Connection* ConnectionTable::Oldest(States states, const Connection* except) {
  Connection* oldest = nullptr;
  for (const auto& [id, connection] : connections_) {
    if (connection.get() != except && IsIn(*connection, states) &&
        (oldest == nullptr || std::tie(connection->since, connection->id) <
                                  std::tie(oldest->since, oldest->id))) {
      oldest = connection.get();
    }
  }
  return oldest;
}

std::vector<Connection*> ConnectionTable::In(States states) {
  std::vector<Connection*> found;
  for (const auto& [id, connection] : connections_) {
    if (IsIn(*connection, states)) found.push_back(connection.get());
  }
  return found;
}

std::vector<Connection*> ConnectionTable::Late(Clock::time_point now) {
  std::vector<Connection*> late;
  for (const auto& [id, connection] : connections_) {
    if (connection->state != Connection::State::kHandling &&
        connection->deadline <= now) {
      late.push_back(connection.get());
    }
  }
  return late;
}

ConnectionTable::Clock::time_point ConnectionTable::NextDeadline() const {
  Clock::time_point next = Clock::time_point::max();
  for (const auto& [id, connection] : connections_) {
    if (connection->state != Connection::State::kHandling) {
      next = std::min(next, connection->deadline);
    }
  }
  return next;
}

SocketAnswer Refusal(int status) {
  SocketAnswer answer;
  answer.body = std::string(StatusText(status)) + "\n";
  answer.head = "HTTP/1.1 " + std::string(StatusText(status)) +
                "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                "Connection: close\r\nContent-Length: " +
                std::to_string(answer.body.size()) + "\r\n\r\n";
  answer.close = true;
  return answer;
}

}  // namespace gunicorn_exporter
