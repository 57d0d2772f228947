// The web configuration at work: TLS, passwords, rate limit, headers; read
// again when one of its files changes.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/web_config.h"
#include "exporter/file_thread.h"
#include "exporter/web/http_exchange.h"
#include "exporter/web/password_check.h"
#include "exporter/web/rate_limiter.h"
#include "exporter/web/tls_context.h"

namespace gunicorn_exporter {

// One state of the files. Immutable but for what counts and remembers.
struct WebState {
  WebConfig config;
  std::shared_ptr<const TlsContext> tls;  // Null: plain.
  std::shared_ptr<PasswordCheck> passwords;
  std::shared_ptr<RateLimiter> limiter;
  // Whose change makes a new state; the configuration itself is the first.
  std::vector<std::string> files;
  std::string stamp;  // Of the files, from before the reading.
};

// Reads `file` and those that it names; "": plain and open to all. Throws
// ConfigError.
std::shared_ptr<const WebState> LoadWebState(const std::string& file);

// Thread rule: any thread.
class WebAccess {
 public:
  // `first` is the state to begin with. `file_thread` reads the files from then
  // on, and outlives this but for what late tasks use. `patience`: how long a
  // request waits for the files to be looked at.
  WebAccess(
      std::shared_ptr<const WebState> first, FileThread& file_thread,
      FileThread::Clock::duration patience = std::chrono::milliseconds(200));

  // For a new connection; null: it is plain.
  std::shared_ptr<const TlsContext> Tls();

  // What stands in the way of a request: 401, 429 or 503. Empty: nothing.
  // `peer`: "127.0.0.1:43210". `probe`: neither password nor rate limit is
  // asked of it, nor any file.
  std::optional<HttpResponse> Refuse(const HttpRequest& request,
                                     const std::string& peer, bool probe);
  // Adds the configured headers to an answer.
  void AddHeaders(HttpResponse& response) const;

  // A reload in two steps. Prepare() reads all again and changes nothing;
  // throws ConfigError where that is wrong or takes longer than the deadline.
  // Wrong is too what would switch TLS on or off, ask less of clients'
  // certificates, or let everybody in where passwords were asked: that takes a
  // restart.
  std::shared_ptr<const WebState> Prepare(
      FileThread::Clock::time_point deadline);
  void Adopt(std::shared_ptr<const WebState> prepared);

 private:
  struct Shared;

  // The state of the files as they are now; the last good one where they are
  // broken or do not answer.
  std::shared_ptr<const WebState> Current();

  FileThread& file_thread_;
  const FileThread::Clock::duration patience_;
  const std::shared_ptr<Shared> shared_;  // With tasks that end late.
};

}  // namespace gunicorn_exporter
