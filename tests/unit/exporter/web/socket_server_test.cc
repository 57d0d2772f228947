#include "exporter/web/socket_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <list>
#include <string>
#include <tuple>
#include <vector>

#include "config/base/address.h"
#include "tests/support/http_client.h"

namespace gunicorn_exporter {
namespace {

constexpr char kRequest[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

SocketAnswer Answer(const std::string& body) {
  SocketAnswer answer;
  answer.head =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n";
  answer.body = body;
  return answer;
}

// Times that no test reaches by accident.
SocketLimits LongLimits() {
  SocketLimits limits;
  limits.request_timeout = std::chrono::minutes(10);
  limits.idle_timeout = std::chrono::minutes(10);
  limits.write_timeout = std::chrono::minutes(10);
  limits.stop_timeout = std::chrono::minutes(10);
  return limits;
}

// A server that echoes each request's head.
class Server {
 public:
  explicit Server(
      const SocketLimits& limits = LongLimits(),
      std::function<SocketAnswer(const std::string&)> handler = Answer)
      : listener_(std::move(Listen("127.0.0.1:0", "test").front())),
        port_(ParseAddress(listener_.address).value().port) {
    std::vector<Listener> listeners;
    listeners.push_back(std::move(listener_));
    server_ = std::make_unique<SocketServer>(
        std::move(listeners),
        SocketHandlers{{},
                       [handler = std::move(handler)](const std::string& head,
                                                      const std::string&) {
                         return handler(head);
                       },
                       [this](const SocketRefusal& refusal) {
                         refused_.push_back(refusal);
                       }},
        limits);
  }

  std::uint16_t port() const { return port_; }
  void Stop() { server_.reset(); }
  // After the end: what was refused.
  const std::vector<SocketRefusal>& refused() const { return refused_; }

 private:
  std::vector<SocketRefusal> refused_;
  Listener listener_;
  std::uint16_t port_;
  std::unique_ptr<SocketServer> server_;
};

TEST(SocketServer, AnswersSeveralRequestsOnOneConnection) {
  const Server server;
  TestClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.Send(kRequest);
    EXPECT_EQ(client.Receive().body, kRequest);
  }
}

TEST(SocketServer, AnswersPipelinedRequestsInTheirOrder) {
  const Server server;
  TestClient client(server.port());
  const std::string other = "GET /b HTTP/1.1\r\n\r\n";
  client.Send(kRequest + other + kRequest);
  EXPECT_EQ(client.Receive().body, kRequest);
  EXPECT_EQ(client.Receive().body, other);
  EXPECT_EQ(client.Receive().body, kRequest);
}

TEST(SocketServer, SkipsABody) {
  const Server server;
  TestClient client(server.port());
  const std::string head = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
  client.Send(head + "12345" + kRequest);
  EXPECT_EQ(client.Receive().body, head);
  EXPECT_EQ(client.Receive().body, kRequest);
}

TEST(SocketServer, SendsALargeAnswerWhole) {
  const std::string large(8 << 20, 'x');
  const Server server(LongLimits(),
                      [&](const std::string&) { return Answer(large); });
  TestClient client(server.port());
  client.Send(kRequest);
  EXPECT_EQ(client.Receive().body.size(), large.size());
}

TEST(SocketServer, RefusesAndClosesWhatIsNoRequest) {
  const Server server;
  TestClient client(server.port());
  client.Send("GET / HTTP/1.1\nHost: x\n\n");
  EXPECT_TRUE(client.ReceiveAll().starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

TEST(SocketServer, SaysWhomItHasRefusedAndWhy) {
  SocketLimits limits = LongLimits();
  limits.request_timeout = std::chrono::milliseconds(50);
  for (const auto& [bytes, status, reason] :
       {std::tuple("GET / HTTP/1.1\nHost: x\n\n", 400, "400 Bad Request"),
        std::tuple("GET / HTTP/1.1\r\n", 408,
                   "the request did not end in time")}) {
    Server server(limits);
    {
      TestClient client(server.port());
      client.Send(bytes);
      client.ReceiveAll();
    }
    server.Stop();
    ASSERT_EQ(server.refused().size(), 1U) << bytes;
    EXPECT_EQ(server.refused()[0].status, status);
    EXPECT_EQ(server.refused()[0].reason, reason);
    EXPECT_TRUE(server.refused()[0].peer.starts_with("127.0.0.1:"));
  }
}

TEST(SocketServer, TellsAClientThatAsksToSendItsBody) {
  const Server server;
  TestClient client(server.port());
  const std::string head =
      "POST / HTTP/1.1\r\nExpect: 100-continue\r\n"
      "Content-Length: 5\r\n\r\n";
  client.Send(head);
  EXPECT_EQ(client.Receive(true).status, 100);
  client.Send("12345");
  EXPECT_EQ(client.Receive().body, head);
}

TEST(SocketServer, AnswersWhileOthersSendWithoutEnd) {
  const Server server;
  std::list<TestClient> slow;
  for (int i = 0; i < 50; ++i) {
    slow.emplace_back(server.port());
    slow.back().Send("GET / HTTP/1.1\r\nX-Slow: a");
  }
  TestClient client(server.port());
  client.Send(kRequest);
  EXPECT_EQ(client.Receive().body, kRequest);
}

TEST(SocketServer, ClosesAConnectionWhoseRequestDoesNotEnd) {
  SocketLimits limits = LongLimits();
  limits.request_timeout = std::chrono::milliseconds(50);
  const Server server(limits);
  TestClient client(server.port());
  client.Send("GET / HTTP/1.1\r\n");
  EXPECT_EQ(client.ReceiveAll(), "");
}

TEST(SocketServer, ClosesAnIdleConnection) {
  SocketLimits limits = LongLimits();
  limits.idle_timeout = std::chrono::milliseconds(50);
  const Server server(limits);
  TestClient client(server.port());
  client.Send(kRequest);
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_EQ(client.ReceiveAll(), "");
}

TEST(SocketServer, ClosesAConnectionThatDoesNotReadItsAnswer) {
  SocketLimits limits = LongLimits();
  limits.write_timeout = std::chrono::milliseconds(50);
  limits.idle_timeout = std::chrono::milliseconds(50);
  limits.max_unread_bytes = 1 << 30;
  const std::string large(32 << 20, 'x');
  const Server server(limits, [&](const std::string& head) {
    return head == kRequest ? Answer("small") : Answer(large);
  });
  TestClient client(server.port());
  client.Send("GET /large HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.Receive(true).status, 200);  // Its head, and no more.
  // Closed by the same clock, and later.
  TestClient other(server.port());
  other.Send(kRequest);
  EXPECT_EQ(other.Receive().body, "small");
  EXPECT_EQ(other.ReceiveAll(), "");
  EXPECT_LT(client.ReceiveAll().size(), large.size());
}

TEST(SocketServer, MakesRoomForANewConnectionWhereNobodyReadsTheirAnswer) {
  SocketLimits limits = LongLimits();
  limits.max_connections = 2;
  limits.max_unread_bytes = 1 << 30;
  const std::string large(32 << 20, 'x');
  const Server server(limits, [&](const std::string& head) {
    return head == kRequest ? Answer("small") : Answer(large);
  });
  std::list<TestClient> deaf;
  for (int i = 0; i < 2; ++i) {
    deaf.emplace_back(server.port());
    deaf.back().Send("GET /large HTTP/1.1\r\n\r\n");
    EXPECT_EQ(deaf.back().Receive(true).status, 200);  // Its head, and no more.
  }
  TestClient client(server.port());
  client.Send(kRequest);
  EXPECT_EQ(client.Receive().body, "small");
  EXPECT_LT(deaf.front().ReceiveAll().size(), large.size());
}

TEST(SocketServer, MakesRoomForANewConnectionByTheOldestThatWaits) {
  SocketLimits limits = LongLimits();
  limits.max_connections = 2;
  const Server server(limits);
  // The server has them in this order. None that has had an answer: when the
  // server waits for its next request is not seen here.
  TestClient first(server.port());
  TestClient second(server.port());
  TestClient third(server.port());
  third.Send(kRequest);
  EXPECT_EQ(third.Receive().status, 200);
  EXPECT_EQ(first.ReceiveAll(), "");
  second.Send(kRequest);
  EXPECT_EQ(second.Receive().status, 200);
}

TEST(SocketServer, ForgetsTheOldestAnswerThatNobodyReads) {
  SocketLimits limits = LongLimits();
  limits.max_unread_bytes = 40 << 20;
  const std::string large(32 << 20, 'x');
  const Server server(limits,
                      [&](const std::string&) { return Answer(large); });
  TestClient slow(server.port());
  slow.Send(kRequest);
  // A part of its answer has come, so that it is the older one.
  EXPECT_EQ(slow.Receive(true).status, 200);
  TestClient reader(server.port());
  reader.Send(kRequest);
  EXPECT_EQ(reader.Receive().body.size(), large.size());
  EXPECT_LT(slow.ReceiveAll().size(), large.size());
}

TEST(SocketServer, ForgetsNoAnswerForThoseThatWereRead) {
  SocketLimits limits = LongLimits();
  limits.max_unread_bytes = 40 << 20;
  const std::string large(32 << 20, 'x');
  const std::string small(4 << 20, 'x');
  const Server server(limits, [&](const std::string& head) {
    SocketAnswer answer = Answer(head == kRequest ? small : large);
    answer.close = head != kRequest;
    return answer;
  });
  TestClient slow(server.port());
  slow.Send("GET /large HTTP/1.1\r\n\r\n");
  EXPECT_EQ(slow.Receive(true).status, 200);  // Its head, and no more.
  TestClient reader(server.port());
  for (int i = 0; i < 5; ++i) {
    reader.Send(kRequest);
    EXPECT_EQ(reader.Receive().body.size(), small.size());
  }
  EXPECT_EQ(slow.ReceiveAll().size(), large.size());
}

TEST(SocketServer, AnswersOthersWhileAllButOneConnectionAreHandled) {
  std::promise<void> go_on;
  std::shared_future<void> gate = go_on.get_future().share();
  std::atomic<int> waiting = 0;
  std::promise<void> all_wait;
  SocketLimits limits = LongLimits();
  limits.max_connections = 3;
  const Server server(limits, [&](const std::string& head) {
    if (head.starts_with("GET /wait")) {
      if (++waiting == 2) all_wait.set_value();
      gate.wait();
    }
    return Answer(head);
  });
  TestClient first(server.port());
  TestClient second(server.port());
  first.Send("GET /wait HTTP/1.1\r\n\r\n");
  second.Send("GET /wait HTTP/1.1\r\n\r\n");
  all_wait.get_future().wait();
  // Each takes the place of the one before, and of none that is handled.
  for (int i = 0; i < 5; ++i) {
    TestClient third(server.port());
    third.Send(kRequest);
    EXPECT_EQ(third.Receive().body, kRequest);
  }
  go_on.set_value();
  EXPECT_EQ(first.Receive().status, 200);
  EXPECT_EQ(second.Receive().status, 200);
}

TEST(SocketServer, OutlivesAClientThatGoesWhileItsRequestIsHandled) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::shared_future<void> gate = go_on.get_future().share();
  const Server server(LongLimits(), [&](const std::string& head) {
    if (head.starts_with("GET /wait")) {
      begun.set_value();
      gate.wait();
    }
    return Answer(head);
  });
  TestClient gone(server.port());
  gone.Send("GET /wait HTTP/1.1\r\n\r\n");
  begun.get_future().wait();
  gone.Reset();
  go_on.set_value();
  TestClient client(server.port());
  client.Send(kRequest);
  EXPECT_EQ(client.Receive().body, kRequest);
}

TEST(SocketServer, LetsARunningRequestBeAnsweredWhenItStops) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::shared_future<void> gate = go_on.get_future().share();
  Server server(LongLimits(), [&](const std::string& head) {
    begun.set_value();
    gate.wait();
    return Answer(head);
  });
  TestClient idle(server.port());
  TestClient client(server.port());
  client.Send(kRequest);
  begun.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { server.Stop(); });
  EXPECT_EQ(idle.ReceiveAll(), "");  // Closed: the server is stopping.
  EXPECT_THROW(TestClient{server.port()}, std::runtime_error);
  go_on.set_value();
  EXPECT_EQ(client.Receive().body, kRequest);
  stopped.wait();
}

}  // namespace
}  // namespace gunicorn_exporter
