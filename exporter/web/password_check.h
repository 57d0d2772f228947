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

// Thread rule: any thread. One hash is computed at a time, so that guessing
// takes one core at most.
class PasswordCheck {
 public:
  enum class Verdict {
    kRight,
    kWrong,
    kBusy,  // Too many wait for a hash already.
  };

  // Name to bcrypt hash.
  explicit PasswordCheck(std::map<std::string, std::string> users);

  bool has_users() const { return !users_.empty(); }
  Verdict Check(const Credentials& credentials);

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
  int waiting_ = 0;  // For a hash.
};

}  // namespace gunicorn_exporter
