// The web configuration at work: TLS, passwords, rate limit, headers; read
// again when one of its files changes.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/web_config.h"
#include "exporter/web/http_exchange.h"
#include "exporter/web/password_check.h"
#include "exporter/web/rate_limiter.h"
#include "exporter/web/tls_context.h"

namespace gunicorn_exporter {

// Thread rule: any thread.
class WebAccess {
 public:
  // `file` empty: plain and open to all. Throws ConfigError.
  explicit WebAccess(std::string file);

  // For one connection. Null where it cannot be had.
  std::unique_ptr<ClientTransport> MakeTransport(int socket);
  bool UsesTls();

  // What stands in the way of a request: 401, 429 or 503. Empty: nothing.
  // `probe`: neither password nor rate limit is asked of it.
  std::optional<HttpResponse> Refuse(const HttpRequest& request, bool probe);
  // Adds the configured headers to an answer.
  void AddHeaders(HttpResponse& response);

  // Reads all again. Empty when all is well, else one line that says what is
  // wrong; then what was there goes on. Wrong is too what would switch TLS on
  // or off, or let everybody in where passwords were asked: that takes a
  // restart.
  std::string Reload();

 private:
  // One state of the files. Immutable but for what counts and remembers.
  struct State {
    WebConfig config;
    std::shared_ptr<const TlsContext> tls;  // Null: plain.
    std::shared_ptr<PasswordCheck> passwords;
    std::shared_ptr<RateLimiter> limiter;
    std::vector<std::string> files;  // Whose change makes a new state.
  };
  using StatePtr = std::shared_ptr<const State>;

  // Throws ConfigError. Keeps of `before` what did not change.
  StatePtr Load(const State* before) const;
  // The state of the files as they are now; the last good one where they are
  // broken.
  StatePtr Current();
  std::string ReloadLocked(std::string stamp);
  std::string StampOf(const std::vector<std::string>& files) const;

  const std::string file_;

  std::mutex mutex_;  // Guards what follows.
  StatePtr state_;
  std::string stamp_;  // Of the files when they were read last.
};

}  // namespace gunicorn_exporter
