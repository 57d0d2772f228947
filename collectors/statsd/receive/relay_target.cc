#include "collectors/statsd/receive/relay_target.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include "collectors/statsd/receive/socket.h"
#include "config/base/address.h"
#include "config/base/config_error.h"
#include "config/base/log.h"
#include "config/base/thread.h"

namespace gunicorn_exporter {
namespace {

constexpr std::chrono::minutes kLookEvery{1};
constexpr std::chrono::seconds kStartPatience{2};

}  // namespace

struct RelayTarget::State {
  void Run();
  // What is wrong; empty: `socket` is what there is now.
  std::string Look();
  bool IsOwn(const FileDescriptor& found) const;

  std::string address;
  std::vector<std::string> own;
  Connect connect;

  mutable std::mutex mutex;  // Guards what follows; held for moments.
  std::condition_variable changed;
  std::shared_ptr<const FileDescriptor> socket;
  bool has_looked = false;
  std::string leads_back;  // By the last look; the error, or empty.
  bool looks_again = false;
  bool is_stopping = false;
};

bool RelayTarget::State::IsOwn(const FileDescriptor& found) const {
  return std::any_of(own.begin(), own.end(), [&](const std::string& receiver) {
    return SendsTo(found, receiver);
  });
}

std::string RelayTarget::State::Look() {
  FileDescriptor found;
  std::string error;
  try {
    found = connect(address);
  } catch (const std::exception& exception) {
    error = exception.what();
  }
  std::string own_error;
  if (error.empty() && IsOwn(found)) {
    own_error = "statsd.relay_address: " + PeerAddress(found) +
                " is this program's own; expected another server's";
  }
  const std::lock_guard lock(mutex);
  leads_back = own_error;
  if (!own_error.empty()) {
    socket = nullptr;
    return own_error;
  }
  if (is_stopping || !error.empty() ||
      (socket != nullptr && PeerAddress(*socket) == PeerAddress(found))) {
    return error;
  }
  LogEvent(LogLevel::kInfo, "relay_started",
           {{"address", address}, {"resolved", PeerAddress(found)}});
  socket = std::make_shared<const FileDescriptor>(std::move(found));
  return error;
}

void RelayTarget::State::Run() {
  std::string told;
  while (true) {
    const std::string error = Look();
    std::unique_lock lock(mutex);
    has_looked = true;
    changed.notify_all();
    if (is_stopping) return;
    if (!error.empty() && error != told) {
      LogEvent(LogLevel::kWarn, "relay_failed",
               {{"address", address}, {"error", error}});
    }
    told = error;
    changed.wait_for(lock, kLookEvery,
                     [this] { return is_stopping || looks_again; });
    looks_again = false;
    if (is_stopping) return;
  }
}

RelayTarget::RelayTarget(const std::string& address,
                         std::vector<std::string> own, Connect connect)
    : state_(std::make_shared<State>()) {
  const auto parsed = ParseAddress(address);
  if (!parsed || parsed->host.empty() || parsed->port == 0) {
    throw ConfigError("statsd.relay_address: \"" + address +
                      "\" is not an address; expected HOST:PORT");
  }
  state_->address = address;
  state_->own = std::move(own);
  state_->connect = std::move(connect);
  StartThread("relay", [state = state_] { state->Run(); }).detach();
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, kStartPatience,
                           [this] { return state_->has_looked; });
  if (state_->leads_back.empty()) return;
  state_->is_stopping = true;
  state_->changed.notify_all();
  throw ConfigError(state_->leads_back);
}

RelayTarget::~RelayTarget() {
  const std::lock_guard lock(state_->mutex);
  state_->is_stopping = true;
  state_->changed.notify_all();
}

void RelayTarget::LookAgain() {
  const std::lock_guard lock(state_->mutex);
  state_->looks_again = true;
  state_->changed.notify_all();
}

std::shared_ptr<const FileDescriptor> RelayTarget::socket() const {
  const std::lock_guard lock(state_->mutex);
  return state_->socket;
}

}  // namespace gunicorn_exporter
