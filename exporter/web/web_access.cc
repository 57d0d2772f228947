#include "exporter/web/web_access.h"

#include <sys/stat.h>

#include <utility>

#include "config/base/config_error.h"
#include "config/base/log.h"
#include "config/load_web_config.h"
#include "exporter/web/endpoints.h"

namespace gunicorn_exporter {

namespace {

// A file that is cut before it is written again, or lost a section, must not
// open in plain what was closed.
void CheckStaysClosed(const WebConfig& before, const WebConfig& now,
                      const std::string& file) {
  if (before.tls.enabled != now.tls.enabled) {
    throw ConfigError(file + ": tls_server_config: TLS is switched " +
                      (now.tls.enabled ? "on" : "off") +
                      " by a restart only; what was there goes on");
  }
  if (!before.users.empty() && now.users.empty()) {
    throw ConfigError(file +
                      ": basic_auth_users: access without a password begins "
                      "with a restart only; what was there goes on");
  }
}

}  // namespace

WebAccess::WebAccess(std::string file) : file_(std::move(file)) {
  state_ = Load(nullptr);
  stamp_ = StampOf(state_->files);
}

WebAccess::StatePtr WebAccess::Load(const State* before) const {
  auto state = std::make_shared<State>();
  if (!file_.empty()) {
    state->config = LoadWebConfigFile(file_);
    state->files.push_back(file_);
  }
  if (before != nullptr) {
    CheckStaysClosed(before->config, state->config, file_);
  }
  const TlsConfig& tls = state->config.tls;
  for (const PemSource* source : {&tls.cert, &tls.key, &tls.client_ca}) {
    if (!source->file.empty()) state->files.push_back(source->file);
  }
  if (tls.enabled) state->tls = std::make_shared<const TlsContext>(tls, file_);
  // What is remembered and counted goes on where its settings do.
  const bool same_users =
      before != nullptr && before->config.users == state->config.users;
  state->passwords = same_users
                         ? before->passwords
                         : std::make_shared<PasswordCheck>(state->config.users);
  const bool same_limit = before != nullptr &&
                          before->config.rate_limit == state->config.rate_limit;
  state->limiter =
      same_limit ? before->limiter
                 : std::make_shared<RateLimiter>(state->config.rate_limit);
  return state;
}

// Whatever a change of a file changes: its inode, size and times.
std::string WebAccess::StampOf(const std::vector<std::string>& files) const {
  std::string stamp;
  const auto add = [&stamp](auto number) {
    stamp += std::to_string(number) + ' ';
  };
  for (const std::string& file : files) {
    struct stat status = {};
    if (stat(file.c_str(), &status) != 0) status = {};
    add(status.st_dev);
    add(status.st_ino);
    add(status.st_size);
    add(status.st_mtim.tv_sec);
    add(status.st_mtim.tv_nsec);
    add(status.st_ctim.tv_sec);
    add(status.st_ctim.tv_nsec);
  }
  return stamp;
}

WebAccess::StatePtr WebAccess::Current() {
  const std::lock_guard lock(mutex_);
  if (file_.empty()) return state_;
  std::string stamp = StampOf(state_->files);
  if (stamp != stamp_) ReloadLocked(std::move(stamp));
  return state_;
}

std::string WebAccess::Reload() {
  const std::lock_guard lock(mutex_);
  if (file_.empty()) return {};
  return ReloadLocked(StampOf(state_->files));
}

// A file that is broken is looked at again when it changes once more, so that
// it is one warning.
std::string WebAccess::ReloadLocked(std::string stamp) {
  try {
    const std::vector<std::string> files = state_->files;
    state_ = Load(state_.get());
    // The stamp from before the reading, so that a change in between is seen;
    // but the new state may name other files.
    stamp_ = state_->files == files ? std::move(stamp) : StampOf(state_->files);
    LogEvent(LogLevel::kInfo, "web_config_reloaded", {{"file", file_}});
    return {};
  } catch (const ConfigError& error) {
    stamp_ = std::move(stamp);
    LogEvent(LogLevel::kWarn, "web_config_reload_failed",
             {{"error", error.what()}});
    return error.what();
  }
}

bool WebAccess::UsesTls() { return Current()->tls != nullptr; }

std::unique_ptr<ClientTransport> WebAccess::MakeTransport(int socket) {
  const StatePtr state = Current();
  if (state->tls == nullptr) return MakePlainTransport(socket);
  return MakeTlsTransport(socket, state->tls);
}

std::optional<HttpResponse> WebAccess::Refuse(const HttpRequest& request,
                                              bool probe) {
  if (probe) return std::nullopt;
  const StatePtr state = Current();
  if (!state->limiter->Allow(RateLimiter::Clock::now())) {
    return PlainResponse(429, "Too many requests");
  }
  if (!state->passwords->has_users()) return std::nullopt;
  const std::optional<Credentials> credentials =
      ParseBasicAuthorization(request.authorization);
  const PasswordCheck::Verdict verdict =
      credentials.has_value() ? state->passwords->Check(*credentials)
                              : PasswordCheck::Verdict::kWrong;
  switch (verdict) {
    case PasswordCheck::Verdict::kRight:
      return std::nullopt;
    case PasswordCheck::Verdict::kBusy:
      return PlainResponse(503, "Too many passwords wait to be checked");
    case PasswordCheck::Verdict::kWrong:
      break;
  }
  HttpResponse response = PlainResponse(401, "Unauthorized");
  response.headers.emplace_back("WWW-Authenticate",
                                "Basic realm=\"gunicorn_exporter\"");
  return response;
}

void WebAccess::AddHeaders(HttpResponse& response) {
  const StatePtr state = Current();
  for (const auto& [name, value] : state->config.headers) {
    // A second Content-Security-Policy narrows the first one down; of the
    // others the configured one holds.
    if (name != "Content-Security-Policy") {
      std::erase_if(response.headers, [&, wanted = name](const auto& header) {
        return header.first == wanted;
      });
    }
    response.headers.emplace_back(name, value);
  }
}

}  // namespace gunicorn_exporter
