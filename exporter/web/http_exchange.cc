#include "exporter/web/http_exchange.h"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <string_view>

#include "exporter/web/header_text.h"

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

std::string JoinedHeader(const httplib::Request& request, const char* name) {
  std::string joined;
  const auto [first, last] = request.headers.equal_range(name);
  for (auto header = first; header != last; ++header) {
    if (!joined.empty()) joined += ", ";
    joined += header->second;
  }
  return joined;
}

// The path of a request's target, be it "/metrics?x=1" or, as a proxy writes
// it, "http://host:18125/metrics" (RFC 9112, 3.2).
std::string PathOf(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#"));
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find('/'), target.size()));
    return target.empty() ? "/" : std::string(target);
  }
  return std::string(target);
}

// "close" among the comma-separated words of Connection, in any case.
bool AsksToClose(const httplib::Request& request) {
  const std::string words = JoinedHeader(request, "Connection");
  std::size_t begin = 0;
  while (begin < words.size()) {
    const std::size_t end = std::min(words.find(',', begin), words.size());
    const auto word = std::string_view{words}.substr(begin, end - begin);
    if (EqualsIgnoringCase(TrimBlanks(word), "close")) return true;
    begin = end + 1;
  }
  return false;
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

// The head without its Range: cpp-httplib would match it with a <regex>, which
// takes stack for every byte, and refuse what it does not like, where a server
// without ranges has to ignore it (RFC 9110, 14.2).
std::string WithoutRange(const std::string& head) {
  constexpr std::string_view kName = "Range:";
  std::string rest;
  std::size_t begin = 0;
  while (begin < head.size()) {
    const std::size_t found = head.find("\r\n", begin);
    const std::size_t end =
        found == std::string::npos ? head.size() : found + 2;
    const std::string_view line =
        std::string_view{head}.substr(begin, end - begin);
    if (!EqualsIgnoringCase(line.substr(0, kName.size()), kName)) rest += line;
    begin = end;
  }
  return rest;
}

// A method that cpp-httplib does not know is 400 to it, and 405 to a client:
// PATCH is one that it knows and no endpoint has.
std::string WithKnownMethod(std::string head) {
  constexpr std::string_view kKnown[] = {"GET",     "HEAD",   "POST",
                                         "PUT",     "DELETE", "CONNECT",
                                         "OPTIONS", "TRACE",  "PATCH"};
  const std::size_t end = std::min(head.find(' '), head.size());
  const auto method = std::string_view{head}.substr(0, end);
  if (IsToken(method) && std::find(std::begin(kKnown), std::end(kKnown),
                                   method) == std::end(kKnown)) {
    head.replace(0, end, "PATCH");
  }
  return head;
}

// cpp-httplib's server without its sockets and threads: one for each request.
class Exchange : public httplib::Server {
 public:
  explicit Exchange(const HttpHandler& handler) : handler_(handler) {
    set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          Answer(request, response);
          return HandlerResponse::Handled;
        });
    // Its promise of a time and a count is not ours.
    set_post_routing_handler(
        [](const httplib::Request&, httplib::Response& response) {
          response.headers.erase("Keep-Alive");
        });
  }

  SocketAnswer Run(std::string_view head) {
    MemoryStream stream(head);
    bool closed = false;
    const bool ok = process_request(
        stream, false, closed,
        [this](httplib::Request& request) { TakeHeaders(request); });
    SocketAnswer answer;
    answer.head = stream.TakeOutput();
    answer.body = std::move(body_);
    // Without a request that was understood, what follows cannot be either.
    answer.close = !ok || closed || close_ || !understood_;
    return answer;
  }

 private:
  // Before cpp-httplib acts on them: compression and 100-continue are not for
  // it to do.
  void TakeHeaders(httplib::Request& request) {
    understood_ = true;
    close_ = AsksToClose(request);
    request_.method = request.method;
    request_.path = PathOf(request.target);
    request_.accept = JoinedHeader(request, "Accept");
    request_.accept_encoding = JoinedHeader(request, "Accept-Encoding");
    request_.authorization = JoinedHeader(request, "Authorization");
    request_.scrape_timeout =
        JoinedHeader(request, "X-Prometheus-Scrape-Timeout-Seconds");
    for (const char* name : {"Accept-Encoding", "Expect"}) {
      request.headers.erase(name);
    }
  }

  void Answer(const httplib::Request& request, httplib::Response& response) {
    HttpResponse answer = handler_(request_);
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
      body_ = std::move(answer.body);
    }
  }

  const HttpHandler& handler_;
  HttpRequest request_;
  std::string body_;
  bool understood_ = false;
  bool close_ = false;
};

}  // namespace

SocketAnswer AnswerHttp(const std::string& head, const HttpHandler& handler) {
  return Exchange(handler).Run(WithoutRange(WithKnownMethod(head)));
}

}  // namespace gunicorn_exporter
