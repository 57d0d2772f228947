#include "exporter/web/http_exchange.h"

#include <gtest/gtest.h>

#include <string>

namespace gunicorn_exporter {
namespace {

SocketAnswer Ask(const std::string& head, HttpRequest* seen = nullptr,
                 const HttpResponse& response = {}) {
  return AnswerHttp(head, [&](const HttpRequest& request) {
    if (seen != nullptr) *seen = request;
    return response;
  });
}

TEST(HttpExchange, ReadsWhatTheEndpointsLookAt) {
  HttpRequest request;
  Ask("GET /health/a%2Fb?x=1 HTTP/1.1\r\nhost: x\r\nAccept: a\r\n"
      "accept: b\r\nACCEPT-ENCODING: gzip\r\nAuthorization: Basic eDp5\r\n"
      "X-Prometheus-Scrape-Timeout-Seconds: 9.5\r\n\r\n",
      &request);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/health/a%2Fb");
  EXPECT_EQ(request.accept, "a, b");
  EXPECT_EQ(request.accept_encoding, "gzip");
  EXPECT_EQ(request.authorization, "Basic eDp5");
  EXPECT_EQ(request.scrape_timeout, "9.5");
}

TEST(HttpExchange, FindsThePathInTheTargetOfAProxy) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://host:18125/metrics?x=1", "/metrics"},
      {"https://host/health/a%2Fb", "/health/a%2Fb"},
      {"http://host", "/"},
      {"/http://host/metrics", "/http://host/metrics"},
  };
  for (const auto& [target, path] : cases) {
    HttpRequest request;
    Ask(std::string("GET ") + target + " HTTP/1.1\r\nHost: x\r\n\r\n",
        &request);
    EXPECT_EQ(request.path, path) << target;
  }
}

TEST(HttpExchange, AsksForAMethodThatNobodyKnows) {
  HttpRequest request;
  EXPECT_FALSE(Ask("BREW /-/quit HTTP/1.1\r\nHost: x\r\n\r\n", &request).close);
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.path, "/-/quit");
  EXPECT_TRUE(Ask("B(W / HTTP/1.1\r\nHost: x\r\n\r\n")
                  .head.starts_with("HTTP/1.1 400 "));
}

TEST(HttpExchange, WritesStatusHeadersAndBody) {
  HttpResponse response;
  response.status = 503;
  response.content_type = "application/json";
  response.body = "{}\n";
  response.headers.emplace_back("X-One", "1");
  const SocketAnswer answer =
      Ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n", nullptr, response);
  EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_NE(answer.head.find("Content-Length: 3\r\n"), std::string::npos);
  EXPECT_NE(answer.head.find("Content-Type: application/json\r\n"),
            std::string::npos);
  EXPECT_NE(answer.head.find("X-One: 1\r\n"), std::string::npos);
  EXPECT_NE(answer.head.find("Date: "), std::string::npos);
  EXPECT_TRUE(answer.head.ends_with("\r\n\r\n"));
  EXPECT_EQ(answer.body, "{}\n");
  EXPECT_FALSE(answer.close);
}

TEST(HttpExchange, AnswersHeadWithTheLengthAlone) {
  HttpResponse response;
  response.body = "12345";
  const SocketAnswer answer =
      Ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", nullptr, response);
  EXPECT_NE(answer.head.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_EQ(answer.body, "");
}

// cpp-httplib would cut, compress and interpret by itself.
TEST(HttpExchange, LeavesTheBodyAsItIs) {
  HttpResponse response;
  response.body = std::string(10'000, 'x');
  const SocketAnswer answer =
      Ask("GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n"
          "Accept-Encoding: gzip, br\r\nExpect: 100-continue\r\n\r\n",
          nullptr, response);
  EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200 OK\r\n")) << answer.head;
  EXPECT_EQ(answer.head.find("Content-Encoding"), std::string::npos);
  EXPECT_EQ(answer.body, response.body);
}

TEST(HttpExchange, IgnoresARangeOfAnyShape) {
  std::string many = "bytes=";
  for (int i = 0; i < 1500; ++i) many += "0-1,";
  for (const std::string& range : {std::string("x"), many, many + "0-1"}) {
    for (const char* name : {"Range: ", "range:", "RANGE: "}) {
      HttpRequest request;
      const SocketAnswer answer =
          Ask("GET / HTTP/1.1\r\n" + (name + range) + "\r\nAccept: a\r\n\r\n",
              &request);
      EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200 OK\r\n")) << range;
      EXPECT_EQ(request.accept, "a");
    }
  }
}

TEST(HttpExchange, ClosesWhenTheClientWantsIt) {
  const std::pair<const char*, bool> table[] = {
      {"GET / HTTP/1.1\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nConnection: TE, Close\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nConnection: closed\r\n\r\n", false},
      {"GET / HTTP/1.0\r\n\r\n", true},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false},
  };
  for (const auto& [head, closes] : table) {
    EXPECT_EQ(Ask(head).close, closes) << head;
  }
}

TEST(HttpExchange, Answers400AndClosesWhenItIsNoRequest) {
  for (const char* head :
       {"GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "nonsense\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n", "\x16\x03\x01\r\n\r\n"}) {
    HttpRequest seen;
    const SocketAnswer answer = Ask(head, &seen);
    EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 400 ")) << head;
    EXPECT_TRUE(answer.close) << head;
    EXPECT_EQ(seen.method, "") << head;
  }
}

}  // namespace
}  // namespace gunicorn_exporter
