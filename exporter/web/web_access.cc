#include "exporter/web/web_access.h"

#include <sys/stat.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <utility>

#include "config/base/config_error.h"
#include "config/base/log.h"
#include "config/load_web_config.h"
#include "exporter/web/endpoints.h"

namespace gunicorn_exporter {
namespace {

using StatePtr = std::shared_ptr<const WebState>;

// Whom client_auth_type lets in: the fewer, the more.
int Strictness(ClientAuth auth) {
  if (auth == ClientAuth::kRequireAndVerify) return 2;
  return auth == ClientAuth::kRequireAny ? 1 : 0;
}

// A file that is cut before it is written again, or lost a section, must not
// open in plain what was closed.
void CheckStaysClosed(const WebConfig& before, const WebConfig& now,
                      const std::string& file) {
  if (before.tls.enabled != now.tls.enabled) {
    throw ConfigError(file + ": tls_server_config: TLS can be switched " +
                      (now.tls.enabled ? "on" : "off") +
                      " only by a restart; the old settings stay in force");
  }
  if (Strictness(now.tls.client_auth) < Strictness(before.tls.client_auth) ||
      (!before.tls.client_allowed_sans.empty() &&
       now.tls.client_allowed_sans.empty())) {
    throw ConfigError(file +
                      ": tls_server_config: asking less of clients' "
                      "certificates takes a restart; the old settings stay in "
                      "force");
  }
  if (!before.users.empty() && now.users.empty()) {
    throw ConfigError(file +
                      ": basic_auth_users: removing all users takes a restart; "
                      "the old settings stay in force");
  }
}

// Whatever a change of a file changes: its inode, size and times.
std::string StampOf(const std::vector<std::string>& files) {
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

std::vector<std::string> FilesOf(const std::string& file,
                                 const TlsConfig& tls) {
  std::vector<std::string> files = {file};
  for (const PemSource* source : {&tls.cert, &tls.key, &tls.client_ca}) {
    if (!source->file.empty()) files.push_back(source->file);
  }
  return files;
}

// Throws ConfigError. Keeps of `before`, where there is one, what did not
// change. `stamp`: of its files, from before. `named` gets the files that the
// configuration names, also where it throws.
StatePtr Load(const std::string& file, const WebState* before,
              std::string stamp, std::vector<std::string>& named) {
  auto state = std::make_shared<WebState>();
  if (!file.empty()) {
    state->config = LoadWebConfigFile(file);
    state->files = named = FilesOf(file, state->config.tls);
  }
  if (before != nullptr) CheckStaysClosed(before->config, state->config, file);
  const TlsConfig& tls = state->config.tls;
  // A stamp from before the reading shows a change in between; but the new
  // state may name other files.
  const bool same_files = before != nullptr && before->files == state->files;
  state->stamp = same_files ? std::move(stamp) : StampOf(state->files);
  if (tls.enabled) state->tls = std::make_shared<const TlsContext>(tls, file);
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

}  // namespace

StatePtr LoadWebState(const std::string& file) {
  std::vector<std::string> named;
  return Load(file, nullptr, {}, named);
}

struct WebAccess::Shared {
  explicit Shared(StatePtr first)
      : file(first->files.empty() ? "" : first->files.front()),
        state(std::move(first)) {}

  StatePtr Get() {
    const std::lock_guard lock(mutex);
    return state;
  }
  void Set(StatePtr now) {
    const std::lock_guard lock(mutex);
    state = std::move(now);
    LogEvent(LogLevel::kInfo, "web_config_reloaded", {{"file", file}});
  }
  void ReadIfChanged();

  const std::string file;
  // The file thread's: what the configuration that was read in vain names, and
  // its stamp. Empty where the last one was taken.
  std::vector<std::string> refused_files;
  std::string refused_stamp;
  std::atomic<bool> said_late{false};
  std::mutex mutex;  // Guards what follows.
  StatePtr state;
};

// In the file thread. A file that is broken is looked at again when it changes
// once more, or one that it names does, so that it is one warning.
void WebAccess::Shared::ReadIfChanged() {
  const StatePtr before = Get();
  std::string stamp = StampOf(before->files);
  if (refused_files.empty() ? stamp == before->stamp
                            : stamp + StampOf(refused_files) == refused_stamp) {
    return;
  }
  std::vector<std::string> named = {file};
  try {
    Set(Load(file, before.get(), stamp, named));
    refused_files.clear();
  } catch (const std::exception& error) {
    refused_stamp = std::move(stamp) + StampOf(named);
    refused_files = std::move(named);
    LogEvent(LogLevel::kWarn, "web_config_reload_failed",
             {{"error", error.what()}});
  }
}

WebAccess::WebAccess(StatePtr first, FileThread& file_thread,
                     FileThread::Clock::duration patience)
    : file_thread_(file_thread),
      patience_(patience),
      shared_(std::make_shared<Shared>(std::move(first))) {}

StatePtr WebAccess::Current() {
  // Only the first requests wait for a file that does not answer.
  if (shared_->file.empty() || file_thread_.IsLate()) return shared_->Get();
  const bool answers =
      file_thread_.Run([shared = shared_] { shared->ReadIfChanged(); },
                       FileThread::Clock::now() + patience_);
  if (answers) {
    shared_->said_late = false;
  } else if (file_thread_.IsLate() && !shared_->said_late.exchange(true)) {
    LogEvent(LogLevel::kWarn, "web_config_does_not_answer",
             {{"file", shared_->file}});
  }
  return shared_->Get();
}

StatePtr WebAccess::Prepare(FileThread::Clock::time_point deadline) {
  if (shared_->file.empty()) return shared_->Get();
  const auto load = [shared = shared_] {
    const StatePtr before = shared->Get();
    std::vector<std::string> named;
    return Load(shared->file, before.get(), StampOf(before->files), named);
  };
  return file_thread_.Call(shared_->file, load, deadline);
}

void WebAccess::Adopt(StatePtr prepared) {
  if (!shared_->file.empty()) shared_->Set(std::move(prepared));
}

// TLS is switched on by a restart only, so that a plain connection asks no
// file.
std::shared_ptr<const TlsContext> WebAccess::Tls() {
  return shared_->Get()->tls == nullptr ? nullptr : Current()->tls;
}

std::optional<HttpResponse> WebAccess::Refuse(const HttpRequest& request,
                                              const std::string& peer,
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
      credentials.has_value()
          ? state->passwords->Check(*credentials, ClientOf(peer))
          : PasswordCheck::Verdict::kWrong;
  switch (verdict) {
    case PasswordCheck::Verdict::kRight:
      return std::nullopt;
    case PasswordCheck::Verdict::kBusy:
      return PlainResponse(503, "Other passwords are being checked: ask again");
    case PasswordCheck::Verdict::kWrong:
      break;
  }
  HttpResponse response = PlainResponse(401, "Unauthorized");
  response.headers.emplace_back("WWW-Authenticate",
                                "Basic realm=\"gunicorn_exporter\"");
  return response;
}

void WebAccess::AddHeaders(HttpResponse& response) const {
  const StatePtr state = shared_->Get();
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
