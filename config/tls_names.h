// The names that exporter-toolkit's web configuration uses (those of Go's
// crypto/tls) beside those of OpenSSL.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace gunicorn_exporter {

struct CipherSuiteName {
  std::string_view iana;
  std::string_view openssl;
  bool tls13 = false;  // Of TLS 1.3 alone; the others are of 1.2 alone.
};

// Go's tls.CipherSuites(), without those that it calls insecure.
inline constexpr std::array<CipherSuiteName, 13> kCipherSuites = {{
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", true},
    {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", true},
    {"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", true},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
     "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
     "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
     "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
     "ECDHE-ECDSA-CHACHA20-POLY1305"},
}};

struct CurveName {
  std::string_view go;
  std::string_view openssl;
};

inline constexpr std::array<CurveName, 4> kCurves = {{
    {"CurveP256", "P-256"},
    {"CurveP384", "P-384"},
    {"CurveP521", "P-521"},
    {"X25519", "X25519"},
}};

// Null where the name is not known.
inline const CipherSuiteName* FindCipherSuite(std::string_view iana) {
  const auto* const found =
      std::find_if(kCipherSuites.begin(), kCipherSuites.end(),
                   [&](const auto& suite) { return suite.iana == iana; });
  return found == kCipherSuites.end() ? nullptr : found;
}

inline const CurveName* FindCurve(std::string_view go) {
  const auto* const found =
      std::find_if(kCurves.begin(), kCurves.end(),
                   [&](const auto& curve) { return curve.go == go; });
  return found == kCurves.end() ? nullptr : found;
}

}  // namespace gunicorn_exporter
