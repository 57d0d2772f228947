// One HTTP request, from the bytes of its head to the bytes of its answer:
// cpp-httplib parses and writes, on memory. Which sockets they come from and go
// to is SocketServer's business.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "exporter/web/socket_server.h"

namespace gunicorn_exporter {

// What the endpoints look at. A header that is missing is empty; one that comes
// twice is joined by ", ".
struct HttpRequest {
  std::string method;  // "GET"; "PATCH" for one that nobody knows.
  std::string path;    // As sent: percent-encoded, without the query.
  std::string accept;
  std::string accept_encoding;
  std::string authorization;
  std::string scrape_timeout;  // X-Prometheus-Scrape-Timeout-Seconds
  // What stands behind the '?', as sent, but a further '?' as "%3F".
  std::string query;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;  // HEAD gets its length only.
  std::vector<std::pair<std::string, std::string>> headers;
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// `head`: as FrameRequest() found it. A head that is no HTTP/1.x is answered
// 400 and one whose target is too long 414, without asking `handler`.
//
// Thread rule: several at once, as long as `handler` may be called so; it must
// not throw.
SocketAnswer AnswerHttp(const std::string& head, const HttpHandler& handler);

}  // namespace gunicorn_exporter
