#include "exporter/web/http_exchange.h"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <ctime>
#include <string_view>

#include "exporter/web/request_frame.h"

namespace gunicorn_exporter {
namespace {

// The request's bytes in, the answer's out.
class MemoryStream : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view input) : input_(input) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* place, std::size_t size) override {
    const std::size_t count = std::min(size, input_.size());
    std::memcpy(place, input_.data(), count);
    input_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* bytes, std::size_t size) override {
    output_.append(bytes, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return 0; }

  std::string TakeOutput() { return std::move(output_); }

 private:
  std::string_view input_;
  std::string output_;
};

// The path of a request's target, be it "/metrics?x=1" or, as a proxy writes
// it, "http://host:18125/metrics" (RFC 9112, 3.2).
std::string PathOf(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#"));
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!EqualsIgnoringCase(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find('/'), target.size()));
    return target.empty() ? "/" : std::string(target);
  }
  return std::string(target);
}

// "after=17" of "/api/v1/history?after=17#x".
std::string QueryOf(std::string_view target) {
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? ""
                                        : std::string(target.substr(mark + 1));
}

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string HttpDate(std::time_t time) {
  std::tm parts = {};
  gmtime_r(&time, &parts);
  std::array<char, 64> text;
  const std::size_t size = std::strftime(text.data(), text.size(),
                                         "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

// A method's name: letters, digits and some marks, at least one.
bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           kMarks.find(c) != std::string_view::npos;
  });
}

// What cpp-httplib is given of a head: the request line, and whether the
// connection stays. Of the rest it would refuse what a server has to ignore (a
// header over 8 KiB, or a Range that its recursive <regex> does not like), and
// act on what is not for it to do (compression, 100-continue).
std::string RequestLine(const std::string& head) {
  constexpr std::string_view kKnown[] = {"GET",     "HEAD",   "POST",
                                         "PUT",     "DELETE", "CONNECT",
                                         "OPTIONS", "TRACE",  "PATCH"};
  std::string line = head.substr(0, head.find("\r\n") + 2);
  // A method that cpp-httplib does not know is 400 to it, and 405 to a client:
  // PATCH is one that it knows and no endpoint has.
  const std::size_t end = std::min(line.find(' '), line.size());
  const auto method = std::string_view{line}.substr(0, end);
  if (IsToken(method) && std::find(std::begin(kKnown), std::end(kKnown),
                                   method) == std::end(kKnown)) {
    line.replace(0, end, "PATCH");
  }
  // A query with a '?' of its own (RFC 3986, 3.4) is 400 to it, too.
  for (std::size_t mark = line.find('?');
       (mark = line.find('?', mark + 1)) != std::string::npos;) {
    line.replace(mark, 1, "%3F");
  }
  const std::string connection = HeaderOf(head, "Connection");
  if (ListHas(connection, "close")) {
    line += "Connection: close\r\n";
  } else if (ListHas(connection, "keep-alive")) {
    line += "Connection: Keep-Alive\r\n";
  }
  return line + "\r\n";
}

// One request on its way through cpp-httplib, in one thread.
struct Exchange {
  const std::string& head;
  const HttpHandler& handler;
  std::string body;
  bool understood = false;
};
thread_local Exchange* current_exchange = nullptr;

void Answer(const httplib::Request& request, httplib::Response& response) {
  Exchange& exchange = *current_exchange;
  exchange.understood = true;
  const auto header = [&](std::string_view name) {
    return HeaderOf(exchange.head, name);
  };
  HttpResponse answer = exchange.handler(HttpRequest{
      request.method, PathOf(request.target), header("Accept"),
      header("Accept-Encoding"), header("Authorization"),
      header("X-Prometheus-Scrape-Timeout-Seconds"), QueryOf(request.target)});
  response.status = answer.status;
  for (auto& [name, value] : answer.headers) {
    response.headers.emplace(std::move(name), std::move(value));
  }
  response.set_header("Date", HttpDate(std::time(nullptr)));
  // The body goes its own way, so that it is not copied.
  response.set_header("Content-Type", answer.content_type);
  response.set_header("Content-Length", std::to_string(answer.body.size()));
  if (request.method == "HEAD") {
    response.set_header("Accept-Ranges", "none");
  } else {
    exchange.body = std::move(answer.body);
  }
}

// cpp-httplib's server without its sockets and threads.
class Parser : public httplib::Server {
 public:
  Parser() {
    set_pre_routing_handler(
        [](const httplib::Request& request, httplib::Response& response) {
          Answer(request, response);
          return HandlerResponse::Handled;
        });
    // Its promise of a time and a count is not ours.
    set_post_routing_handler(
        [](const httplib::Request&, httplib::Response& response) {
          response.headers.erase("Keep-Alive");
        });
  }
  using httplib::Server::process_request;
};

// Of "HTTP/1.1 414 URI Too Long".
int StatusOf(std::string_view head) {
  int status = 0;
  if (head.size() >= 12) std::from_chars(&head[9], &head[12], status);
  return status;
}

}  // namespace

SocketAnswer AnswerHttp(const std::string& head, const HttpHandler& handler) {
  static Parser parser;
  Exchange exchange{head, handler, {}, false};
  current_exchange = &exchange;
  const std::string line = RequestLine(head);
  MemoryStream stream(line);
  bool closed = false;
  const bool ok = parser.process_request(stream, false, closed, {});
  SocketAnswer answer;
  answer.head = stream.TakeOutput();
  answer.body = std::move(exchange.body);
  if (!exchange.understood) answer.refused = StatusOf(answer.head);
  // Without a request that was understood, what follows cannot be either.
  answer.close = !ok || closed || !exchange.understood;
  return answer;
}

}  // namespace gunicorn_exporter
