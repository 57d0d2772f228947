// What all TLS connections of one configuration share: the certificate, which
// clients are let in, versions and ciphers. HTTP/1.1 is all that it offers
// (ALPN). Immutable; a new configuration makes a new one.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "config/web_config.h"

namespace gunicorn_exporter {

class TlsContext {
 public:
  // Reads the certificates. Throws ConfigError, "FILE:LINE: KEY: what is
  // wrong; what was expected"; `file` is the web configuration's.
  TlsContext(const TlsConfig& config, const std::string& file);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* get() const { return context_.get(); }

 private:
  static int VerifyClient(X509_STORE_CTX* store, void* self);
  bool HasAllowedSan(X509* certificate) const;

  const ClientAuth client_auth_;
  const std::vector<std::string> allowed_sans_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

}  // namespace gunicorn_exporter
