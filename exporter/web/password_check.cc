#include "exporter/web/password_check.h"

#include <arpa/inet.h>
#include <crypt.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <strings.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <new>
#include <utility>

#include "config/load_web_config.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMaxRemembered = 100;

// Beyond the one whose hash is computed: more would only fill the threads.
constexpr std::size_t kMaxWaiting = 4;

constexpr std::size_t kMaxHeaderBytes = 4096;

// With or without the '=' at the end.
std::optional<std::string> DecodeBase64(std::string text) {
  while (text.ends_with('=')) text.pop_back();
  const std::size_t size = text.size() * 3 / 4;
  if (text.find('=') != std::string::npos) return std::nullopt;
  text.resize((text.size() + 3) / 4 * 4, '=');
  std::string bytes(text.size() / 4 * 3, '\0');
  const int decoded =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  if (decoded != static_cast<int>(bytes.size())) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

// Empty where `setting` is none that crypt(3) knows.
std::string Crypt(const std::string& password, const std::string& setting) {
  const auto data = std::make_unique<crypt_data>();
  const char* const hash =
      crypt_r(password.c_str(), setting.c_str(), data.get());
  // On failure libxcrypt gives null or a text that begins with '*'.
  return hash == nullptr || hash[0] == '*' ? std::string() : hash;
}

std::string TwoDigits(int number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

// The cost that most hashes have; of several, the highest.
int MostCommonCost(const std::map<std::string, std::string>& users) {
  std::map<int, int> counts;
  for (const auto& [name, hash] : users) ++counts[BcryptCost(hash)];
  int common = 0;
  int most = 0;
  for (const auto& [cost, count] : counts) {
    if (count < most) continue;
    most = count;
    common = cost;
  }
  return common;
}

// 31 characters that are no hash of anything in reach.
std::string NobodysHash(int cost) {
  return "$2y$" + TwoDigits(cost) + "$abcdefghijklmnopqrstuu" +
         std::string(31, 'z');
}

}  // namespace

std::optional<Credentials> ParseBasicAuthorization(std::string_view header) {
  constexpr std::string_view kScheme = "Basic ";
  if (header.size() < kScheme.size() || header.size() > kMaxHeaderBytes ||
      strncasecmp(header.data(), kScheme.data(), kScheme.size()) != 0) {
    return std::nullopt;
  }
  header.remove_prefix(kScheme.size());
  while (header.starts_with(' ')) header.remove_prefix(1);
  const std::optional<std::string> decoded = DecodeBase64(std::string(header));
  if (!decoded.has_value()) return std::nullopt;
  const std::size_t colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

std::string ClientOf(std::string_view peer) {
  if (!peer.starts_with('[')) {
    return std::string(peer.substr(0, peer.rfind(':')));
  }
  const std::string host(peer.substr(1, peer.find_first_of("]%") - 1));
  in6_addr address = {};
  if (inet_pton(AF_INET6, host.c_str(), &address) != 1) return {};
  std::fill(std::begin(address.s6_addr) + 8, std::end(address.s6_addr), 0);
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, &address, text, sizeof(text));
  return text;
}

PasswordCheck::PasswordCheck(std::map<std::string, std::string> users)
    : users_(std::move(users)),
      nobodys_hash_(NobodysHash(MostCommonCost(users_))) {
  if (RAND_bytes(digest_key_.data(), static_cast<int>(digest_key_.size())) !=
      1) {
    throw std::bad_alloc();
  }
}

PasswordCheck::Digest PasswordCheck::DigestOf(const Credentials& credentials,
                                              const std::string& hash) const {
  // Lengths keep ("ab", "c") and ("a", "bc") apart.
  const std::string text = std::to_string(credentials.user.size()) + ":" +
                           credentials.user + ":" + hash + ":" +
                           credentials.password;
  Digest digest = {};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), digest_key_.data(),
           static_cast<int>(digest_key_.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           digest.data(), &size) == nullptr) {
    throw std::bad_alloc();
  }
  return digest;
}

bool PasswordCheck::Hashes(const std::string& password,
                           const std::string& hash) {
  const std::string computed = Crypt(password, hash);
  return computed.size() == hash.size() &&
         CRYPTO_memcmp(computed.data(), hash.data(), hash.size()) == 0;
}

PasswordCheck::Verdict PasswordCheck::Check(const Credentials& credentials,
                                            const std::string& client) {
  const auto user = users_.find(credentials.user);
  const bool known = user != users_.end();
  const std::string& hash = known ? user->second : nobodys_hash_;
  const Digest digest = DigestOf(credentials, hash);
  {
    const std::lock_guard lock(cache_mutex_);
    if (right_.contains(digest)) return Verdict::kRight;
    if (waiting_.size() > kMaxWaiting) return Verdict::kBusy;
    if (!waiting_.insert(client).second) return Verdict::kBusy;
  }
  bool right = false;
  try {
    const std::lock_guard lock(hash_mutex_);
    right = Hashes(credentials.password, hash);
  } catch (...) {  // No memory: this client may ask again.
    const std::lock_guard lock(cache_mutex_);
    waiting_.erase(client);
    throw;
  }
  // crypt(3) reads up to a NUL: what stands behind one was not checked.
  right =
      right && known && credentials.password.find('\0') == std::string::npos;
  const std::lock_guard lock(cache_mutex_);
  waiting_.erase(client);
  if (right) {
    if (right_.size() >= kMaxRemembered) right_.clear();
    right_.insert(digest);
  }
  return right ? Verdict::kRight : Verdict::kWrong;
}

}  // namespace gunicorn_exporter
