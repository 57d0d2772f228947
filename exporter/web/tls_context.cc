#include "exporter/web/tls_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/base/config_error.h"
#include "config/base/read_file.h"
#include "config/tls_names.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMaxPemBytes = 1 << 20;

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* object) const { Free(object); }
};
using X509Ptr = std::unique_ptr<X509, Freer<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using NamesPtr =
    std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES, GENERAL_NAMES_free>>;

struct BioFreer {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioFreer>;

// What OpenSSL says about its latest failure, one line.
std::string OpenSslError() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "error " + std::to_string(code) : reason;
}

// A source of PEM with what messages about it need.
class Pem {
 public:
  Pem(const PemSource& source, const std::string& config_file)
      : source_(source), config_file_(config_file) {
    try {
      text_ = source.file.empty() ? source.text
                                  : ReadTextFile(source.file, kMaxPemBytes);
    } catch (const ConfigError& error) {
      Fail(error.what());
    }
    if (text_.size() > kMaxPemBytes) Fail("is larger than 1 MiB; expected PEM");
    ERR_clear_error();
    bio_.reset(BIO_new_mem_buf(text_.data(), static_cast<int>(text_.size())));
    if (bio_ == nullptr) throw std::bad_alloc();
  }

  [[noreturn]] void Fail(const std::string& problem) const {
    const std::string file = source_.file.empty() ? "" : source_.file + " ";
    throw ConfigError(config_file_ + ":" + std::to_string(source_.line) + ": " +
                      source_.key + ": " + file + problem);
  }

  // Null at the end of the text.
  X509Ptr NextCertificate() {
    X509Ptr certificate(
        PEM_read_bio_X509(bio_.get(), nullptr, NoPassword, nullptr));
    if (certificate == nullptr &&
        ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
      Fail("has a broken certificate (" + OpenSslError() + "); expected PEM");
    }
    ERR_clear_error();
    return certificate;
  }

  KeyPtr Key() {
    KeyPtr key(
        PEM_read_bio_PrivateKey(bio_.get(), nullptr, NoPassword, nullptr));
    if (key == nullptr) {
      Fail("has no private key that can be read (" + OpenSslError() +
           "); expected PEM without a password");
    }
    return key;
  }

 private:
  // Without it OpenSSL would ask on the terminal.
  static int NoPassword(char*, int, int, void*) { return -1; }

  const PemSource& source_;
  const std::string& config_file_;
  std::string text_;
  BioPtr bio_;
};

void UseCertificate(SSL_CTX* context, const TlsConfig& config,
                    const std::string& file) {
  Pem cert(config.cert, file);
  const X509Ptr leaf = cert.NextCertificate();
  if (leaf == nullptr) cert.Fail("has no certificate; expected PEM");
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    cert.Fail("cannot be used: " + OpenSslError());
  }
  while (const X509Ptr chain = cert.NextCertificate()) {
    SSL_CTX_add1_chain_cert(context, chain.get());
  }
  Pem key_pem(config.key, file);
  const KeyPtr key = key_pem.Key();
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    key_pem.Fail("is not the key of " + config.cert.key + " (" +
                 OpenSslError() + "); expected the two to match");
  }
}

void UseClientCa(SSL_CTX* context, const TlsConfig& config,
                 const std::string& file) {
  if (!config.client_ca.IsSet()) {
    SSL_CTX_set_default_verify_paths(context);
    return;
  }
  Pem pem(config.client_ca, file);
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  int count = 0;
  while (const X509Ptr authority = pem.NextCertificate()) {
    X509_STORE_add_cert(store, authority.get());
    SSL_CTX_add_client_CA(context, authority.get());
    ++count;
  }
  if (count == 0) pem.Fail("has no certificate; expected PEM");
}

int ProtocolVersion(TlsVersion version) {
  return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// The names of one version's suites, as OpenSSL lists them.
std::string SuiteList(const TlsConfig& config, bool tls13) {
  std::string list;
  for (const std::string& name : config.cipher_suites) {
    const CipherSuiteName* const suite = FindCipherSuite(name);
    if (suite == nullptr || suite->tls13 != tls13) continue;
    if (!list.empty()) list += ':';
    list += suite->openssl;
  }
  return list;
}

void UseSuites(SSL_CTX* context, const TlsConfig& config,
               const std::string& file) {
  const auto fail = [&](const char* key) {
    throw ConfigError(file + ": tls_server_config." + key +
                      ": cannot be used: " + OpenSslError());
  };
  if (!config.cipher_suites.empty()) {
    const std::string tls13 = SuiteList(config, true);
    const std::string tls12 = SuiteList(config, false);
    if (!tls13.empty() &&
        SSL_CTX_set_ciphersuites(context, tls13.c_str()) != 1) {
      fail("cipher_suites");
    }
    if (tls12.empty()) {
      // A list without a suite of TLS 1.2 leaves 1.3 alone.
      if (config.max_version == TlsVersion::kTls12) {
        throw ConfigError(file +
                          ": tls_server_config.cipher_suites: has no suite of "
                          "TLS 1.2, the only version; expected one");
      }
      SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    } else if (SSL_CTX_set_cipher_list(context, tls12.c_str()) != 1) {
      fail("cipher_suites");
    }
  }
  std::string groups;
  for (const std::string& name : config.curve_preferences) {
    if (!groups.empty()) groups += ':';
    groups += FindCurve(name)->openssl;
  }
  if (!groups.empty() &&
      SSL_CTX_set1_groups_list(context, groups.c_str()) != 1) {
    fail("curve_preferences");
  }
}

// h2 is not for us; a client that offers only that is refused.
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned int offered_size,
                   void*) {
  static constexpr std::array<unsigned char, 9> kHttp11 = {
      8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(
      &chosen, out_size, kHttp11.data(),
      static_cast<unsigned int>(kHttp11.size()), offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK
                                          : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int VerifyMode(ClientAuth auth) {
  if (auth == ClientAuth::kNone) return SSL_VERIFY_NONE;
  const bool required =
      auth == ClientAuth::kRequireAny || auth == ClientAuth::kRequireAndVerify;
  return SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
}

std::string TextOf(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string TextOfIp(const ASN1_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text = {};
  const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(address) != 16) return {};
  inet_ntop(family, ASN1_STRING_get0_data(address), text.data(),
            static_cast<socklen_t>(text.size()));
  return text.data();
}

// DNS name, e-mail address, URI or IP address as text; else empty.
std::string TextOfName(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS:
      return TextOf(name->d.dNSName);
    case GEN_EMAIL:
      return TextOf(name->d.rfc822Name);
    case GEN_URI:
      return TextOf(name->d.uniformResourceIdentifier);
    case GEN_IPADD:
      return TextOfIp(name->d.iPAddress);
    default:
      return {};
  }
}

}  // namespace

TlsContext::TlsContext(const TlsConfig& config, const std::string& file)
    : client_auth_(config.client_auth),
      allowed_sans_(config.client_allowed_sans),
      context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
  if (context_ == nullptr) throw std::bad_alloc();
  SSL_CTX* const context = context_.get();
  SSL_CTX_set_min_proto_version(context, ProtocolVersion(config.min_version));
  SSL_CTX_set_max_proto_version(context, ProtocolVersion(config.max_version));
  // Sessions are not resumed: a client's certificate is looked at each time.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
                                SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (config.prefer_server_cipher_suites) {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  UseCertificate(context, config, file);
  UseSuites(context, config, file);
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, nullptr);
  SSL_CTX_set_verify(context, VerifyMode(config.client_auth), nullptr);
  if (config.client_auth != ClientAuth::kNone) {
    UseClientCa(context, config, file);
    SSL_CTX_set_cert_verify_callback(context, VerifyClient, this);
  }
}

int TlsContext::VerifyClient(X509_STORE_CTX* store, void* self) {
  const auto& context = *static_cast<const TlsContext*>(self);
  const bool verify = context.client_auth_ == ClientAuth::kVerifyIfGiven ||
                      context.client_auth_ == ClientAuth::kRequireAndVerify;
  if (verify && X509_verify_cert(store) != 1) return 0;
  if (!context.HasAllowedSan(X509_STORE_CTX_get0_cert(store))) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
  return 1;
}

bool TlsContext::HasAllowedSan(X509* certificate) const {
  if (allowed_sans_.empty()) return true;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return false;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string name = TextOfName(sk_GENERAL_NAME_value(names.get(), i));
    if (!name.empty() && std::find(allowed_sans_.begin(), allowed_sans_.end(),
                                   name) != allowed_sans_.end()) {
      return true;
    }
  }
  return false;
}

}  // namespace gunicorn_exporter
