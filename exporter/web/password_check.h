// Is this a user's password? Hashes are bcrypt's, which take a tenth of a
// second by design; a scraper pays that once, since a pair that was right is
// remembered (its keyed digest, not itself).
//
// A check takes as long as the user's own hash does. An unknown user is checked
// against a hash that nobody has the password of, as costly as most users' are:
// where all have one cost, how long an answer takes does not tell who exists.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace gunicorn_exporter {

struct Credentials {
  std::string user;
  std::string password;
};

// From an Authorization header: "Basic cHJvbWV0aGV1czpzZWNyZXQ=" (RFC 7617).
std::optional<Credentials> ParseBasicAuthorization(std::string_view header);

// Whom a client counts as, by its "127.0.0.1:43210" or "[2001:db8::1]:43210":
// an IPv4 address, or the first 64 bits of an IPv6 one, since whoever has one
// of those has all of them. What is no such text is one client: those of a unix
// socket.
std::string ClientOf(std::string_view peer);

// Thread rule: any thread. One hash is computed at a time, so that guessing
// takes one core at most; and no client has a second one waiting, so that its
// guesses keep nobody else out.
class PasswordCheck {
 public:
  enum class Verdict {
    kRight,
    kWrong,
    kBusy,  // One of this client's is being checked, or too many wait.
  };

  // Name to bcrypt hash.
  explicit PasswordCheck(std::map<std::string, std::string> users);

  bool has_users() const { return !users_.empty(); }
  // `client`: as ClientOf() says.
  Verdict Check(const Credentials& credentials, const std::string& client);

 private:
  using Digest = std::array<std::uint8_t, 32>;

  Digest DigestOf(const Credentials& credentials,
                  const std::string& hash) const;
  static bool Hashes(const std::string& password, const std::string& hash);

  const std::map<std::string, std::string> users_;
  const std::string nobodys_hash_;
  std::array<std::uint8_t, 32> digest_key_ = {};

  std::mutex hash_mutex_;   // Held while a hash is computed.
  std::mutex cache_mutex_;  // Guards what follows.
  std::set<Digest> right_;
  std::set<std::string> waiting_;  // Clients, for a hash.
};

}  // namespace gunicorn_exporter
