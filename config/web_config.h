// The web configuration file: exporter-toolkit's format. Plain data with the
// defaults; load_web_config.h fills it in.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace gunicorn_exporter {

// Go's tls.ClientAuthType.
enum class ClientAuth {
  kNone,             // NoClientCert
  kRequest,          // RequestClientCert: asked for, not verified.
  kRequireAny,       // RequireAnyClientCert: must be there, not verified.
  kVerifyIfGiven,    // VerifyClientCertIfGiven
  kRequireAndVerify  // RequireAndVerifyClientCert
};

enum class TlsVersion { kTls12, kTls13 };

// A PEM text: in the configuration itself or in a file, never both.
struct PemSource {
  std::string text;
  std::string file;  // Relative to the configuration's folder: made whole.
  std::string key;   // For messages: "tls_server_config.cert_file".
  int line = 0;

  bool IsSet() const { return !key.empty(); }
  bool operator==(const PemSource&) const = default;
};

struct TlsConfig {
  bool enabled = false;
  PemSource cert;  // The server's certificate, its chain after it.
  PemSource key;
  PemSource client_ca;  // Not set: the system's authorities.
  ClientAuth client_auth = ClientAuth::kNone;
  // A client's certificate must have one of these. Empty: any will do.
  std::vector<std::string> client_allowed_sans;
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::vector<std::string> cipher_suites;  // In kCipherSuites; empty: default.
  bool prefer_server_cipher_suites = true;
  std::vector<std::string> curve_preferences;  // In kCurves; empty: default.

  bool operator==(const TlsConfig&) const = default;
};

struct RateLimitConfig {
  std::chrono::milliseconds interval{0};  // Between two requests; 0: no limit.
  int burst = 0;  // So many at once; at least 1 where there is a limit.

  bool operator==(const RateLimitConfig&) const = default;
};

struct WebConfig {
  TlsConfig tls;
  std::map<std::string, std::string> headers;  // Of every answer.
  std::map<std::string, std::string> users;    // Name to bcrypt hash.
  RateLimitConfig rate_limit;

  bool operator==(const WebConfig&) const = default;
};

}  // namespace gunicorn_exporter
