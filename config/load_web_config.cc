#include "config/load_web_config.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/config_error.h"
#include "config/base/read_file.h"
#include "config/tls_names.h"
#include "config/yaml_value.h"

namespace gunicorn_exporter {
namespace {

// What is read, and the place of what is checked against other keys later.
struct File {
  WebConfig config;
  std::optional<YamlValue> tls, client_auth_type, client_allowed_sans;
  std::optional<YamlValue> min_version, rate_limit, interval;
};

template <typename Names>
std::string JoinNames(const Names& names) {
  std::string joined;
  for (const auto& name : names) {
    if (!joined.empty()) joined += ", ";
    joined += name;
  }
  return joined;
}

void ReadPem(const YamlValue& value, bool is_file, PemSource& source) {
  if (source.IsSet()) {
    value.Fail("is a second one beside " + source.key + "; expected only one");
  }
  (is_file ? source.file : source.text) = value.NonEmptyString();
  source.key = value.path();
  source.line = value.line();
}

constexpr std::array<std::pair<std::string_view, ClientAuth>, 6> kClientAuths =
    {{
        {"NoClientCert", ClientAuth::kNone},
        {"RequestClientCert", ClientAuth::kRequest},
        {"RequireAnyClientCert", ClientAuth::kRequireAny},
        {"RequireClientCert", ClientAuth::kRequireAny},  // Its older name.
        {"VerifyClientCertIfGiven", ClientAuth::kVerifyIfGiven},
        {"RequireAndVerifyClientCert", ClientAuth::kRequireAndVerify},
    }};

void ReadClientAuth(const YamlValue& value, File& file) {
  const std::string name = value.String();
  const auto* const found =
      std::find_if(kClientAuths.begin(), kClientAuths.end(),
                   [&](const auto& known) { return known.first == name; });
  if (found == kClientAuths.end()) {
    value.Fail(Quoted(name) +
               " is not known; expected NoClientCert, RequestClientCert, "
               "RequireAnyClientCert, VerifyClientCertIfGiven or "
               "RequireAndVerifyClientCert");
  }
  file.config.tls.client_auth = found->second;
  file.client_auth_type = value;
}

TlsVersion ReadVersion(const YamlValue& value) {
  const std::string name = value.String();
  if (name == "TLS12") return TlsVersion::kTls12;
  if (name == "TLS13") return TlsVersion::kTls13;
  if (name == "TLS10" || name == "TLS11") {
    value.Fail(Quoted(name) + " is not offered; expected TLS12 or TLS13");
  }
  value.Fail(Quoted(name) + " is not known; expected TLS12 or TLS13");
}

void ReadCipherSuites(const YamlValue& value, File& file) {
  for (const YamlValue& item : value.Items()) {
    const std::string name = item.String();
    if (FindCipherSuite(name) == nullptr) {
      std::vector<std::string_view> known;
      known.reserve(kCipherSuites.size());
      for (const CipherSuiteName& suite : kCipherSuites) {
        known.push_back(suite.iana);
      }
      item.Fail(Quoted(name) + " is not known; expected one of " +
                JoinNames(known));
    }
    file.config.tls.cipher_suites.push_back(name);
  }
}

void ReadCurves(const YamlValue& value, File& file) {
  for (const YamlValue& item : value.Items()) {
    const std::string name = item.String();
    if (FindCurve(name) == nullptr) {
      std::vector<std::string_view> known;
      known.reserve(kCurves.size());
      for (const CurveName& curve : kCurves) known.push_back(curve.go);
      item.Fail(Quoted(name) + " is not known; expected one of " +
                JoinNames(known));
    }
    file.config.tls.curve_preferences.push_back(name);
  }
}

constexpr KeyRule<File> kTlsKeys[] = {
    {"cert",
     [](const YamlValue& v, File& f) { ReadPem(v, false, f.config.tls.cert); }},
    {"cert_file",
     [](const YamlValue& v, File& f) { ReadPem(v, true, f.config.tls.cert); }},
    {"key",
     [](const YamlValue& v, File& f) { ReadPem(v, false, f.config.tls.key); }},
    {"key_file",
     [](const YamlValue& v, File& f) { ReadPem(v, true, f.config.tls.key); }},
    {"client_ca", [](const YamlValue& v,
                     File& f) { ReadPem(v, false, f.config.tls.client_ca); }},
    {"client_ca_file",
     [](const YamlValue& v, File& f) {
       ReadPem(v, true, f.config.tls.client_ca);
     }},
    {"client_auth_type", ReadClientAuth},
    {"client_allowed_sans",
     [](const YamlValue& v, File& f) {
       for (const YamlValue& item : v.Items()) {
         f.config.tls.client_allowed_sans.push_back(item.NonEmptyString());
       }
       f.client_allowed_sans = v;
     }},
    {"min_version",
     [](const YamlValue& v, File& f) {
       f.config.tls.min_version = ReadVersion(v);
       f.min_version = v;
     }},
    {"max_version", [](const YamlValue& v,
                       File& f) { f.config.tls.max_version = ReadVersion(v); }},
    {"cipher_suites", ReadCipherSuites},
    {"prefer_server_cipher_suites",
     [](const YamlValue& v, File& f) {
       f.config.tls.prefer_server_cipher_suites = v.Bool();
     }},
    {"curve_preferences", ReadCurves},
};

// The header's allowed values; none: any.
struct HeaderRule {
  std::string_view name;
  std::array<std::string_view, 2> values;
};

constexpr HeaderRule kHeaders[] = {
    {"Content-Security-Policy", {}},
    {"Strict-Transport-Security", {}},
    {"X-Content-Type-Options", {"nosniff"}},
    {"X-Frame-Options", {"deny", "sameorigin"}},
    {"X-XSS-Protection", {}},
};

void ReadHeaders(const YamlValue& map, File& file) {
  for (const auto& [name, value] : map.Entries()) {
    const auto* const rule =
        std::find_if(std::begin(kHeaders), std::end(kHeaders),
                     [&, wanted = name](const HeaderRule& known) {
                       return known.name == wanted;
                     });
    if (rule == std::end(kHeaders)) {
      std::vector<std::string_view> known;
      for (const HeaderRule& header : kHeaders) known.push_back(header.name);
      value.Fail("is a header that cannot be set; expected one of " +
                 JoinNames(known));
    }
    if (value.IsNull()) continue;
    const std::string text = value.Text();
    if (text.empty()) continue;  // "Unset if blank."
    const auto is_control = [](char c) {
      return (c >= 0 && c < ' ') || c == 0x7F;
    };
    if (std::any_of(text.begin(), text.end(), is_control)) {
      value.Fail("has a control character; expected one line of text");
    }
    const auto& values = rule->values;
    if (!values[0].empty() &&
        std::find(values.begin(), values.end(), text) == values.end()) {
      value.Fail(Quoted(text) + " is not allowed; expected " +
                 std::string(values[0]) +
                 (values[1].empty() ? "" : " or " + std::string(values[1])));
    }
    file.config.headers.emplace(name, text);
  }
}

constexpr KeyRule<File> kHttpKeys[] = {
    {"http2",
     [](const YamlValue& v, File&) {
       if (v.Bool()) {
         v.Fail("HTTP/2 is not offered; expected false, or no such key");
       }
     }},
    {"headers", ReadHeaders},
};

void ReadUsers(const YamlValue& map, File& file) {
  for (const auto& [name, hash] : map.Entries()) {
    if (name.empty() || name.find(':') != std::string_view::npos) {
      hash.Fail(
          "no client can send this name; expected one that is not empty "
          "and has no colon");
    }
    // The hash is a secret: it is not repeated.
    if (hash.IsNull() || BcryptCost(hash.Text()) == 0) {
      hash.Fail(
          "is not a bcrypt hash; expected one, as htpasswd -nB writes: "
          "$2y$10$... with 60 characters");
    }
    file.config.users.emplace(name, hash.Text());
  }
}

constexpr KeyRule<File> kRateLimitKeys[] = {
    {"interval",
     [](const YamlValue& v, File& f) {
       // The toolkit's way to say "no limit" is a bare 0.
       if (v.Text() != "0") f.config.rate_limit.interval = v.Duration();
       f.interval = v;
     }},
    {"burst",
     [](const YamlValue& v, File& f) {
       f.config.rate_limit.burst =
           static_cast<int>(v.Integer(0, std::numeric_limits<int>::max()));
     }},
};

constexpr KeyRule<File> kFileKeys[] = {
    {"tls_server_config",
     [](const YamlValue& v, File& f) {
       ReadMap(v, kTlsKeys, f);
       f.tls = v;
     }},
    {"http_server_config",
     [](const YamlValue& v, File& f) { ReadMap(v, kHttpKeys, f); }},
    {"basic_auth_users", ReadUsers},
    {"rate_limit",
     [](const YamlValue& v, File& f) {
       ReadMap(v, kRateLimitKeys, f);
       f.rate_limit = v;
     }},
};

void CheckTls(File& file) {
  TlsConfig& tls = file.config.tls;
  if (!file.tls.has_value() || file.tls->Entries().empty()) return;
  tls.enabled = true;
  if (!tls.cert.IsSet()) {
    file.tls->FailAt("cert_file", "is missing; expected cert_file or cert");
  }
  if (!tls.key.IsSet()) {
    file.tls->FailAt("key_file", "is missing; expected key_file or key");
  }
  if (tls.min_version > tls.max_version) {
    file.min_version->Fail("is above max_version; expected at most it");
  }
  if (tls.client_ca.IsSet() && tls.client_auth == ClientAuth::kNone) {
    file.tls->FailAt("client_auth_type",
                     "is missing or NoClientCert beside a client CA; expected "
                     "RequireAndVerifyClientCert");
  }
  if (file.client_allowed_sans.has_value() &&
      tls.client_auth != ClientAuth::kRequireAny &&
      tls.client_auth != ClientAuth::kRequireAndVerify) {
    file.client_allowed_sans->Fail(
        "asks for a certificate that client_auth_type does not require; "
        "expected RequireAndVerifyClientCert or RequireAnyClientCert there");
  }
}

void MakeWhole(const std::filesystem::path& folder, PemSource& source) {
  if (!source.file.empty()) source.file = (folder / source.file).string();
}

}  // namespace

int BcryptCost(const std::string& hash) {
  // $2y$10$ and 22 characters of salt, 31 of hash
  // ^^^^^^^
  constexpr std::size_t kLength = 60;
  constexpr std::size_t kPrefix = 7;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool shape = hash.size() == kLength && hash[0] == '$' &&
                     hash[1] == '2' && hash[3] == '$' && hash[6] == '$' &&
                     is_digit(hash[4]) && is_digit(hash[5]);
  if (!shape || std::string_view("aby").find(hash[2]) == std::string::npos) {
    return 0;
  }
  const auto is_base64 = [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '.' || c == '/';
  };
  if (!std::all_of(hash.begin() + kPrefix, hash.end(), is_base64)) return 0;
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  return cost >= 4 && cost <= 31 ? cost : 0;
}

WebConfig LoadWebConfigFile(const std::string& file) {
  std::string text;
  try {
    text = ReadTextFile(file, kMaxYamlBytes);
  } catch (const ConfigError& error) {
    throw ConfigError("--web.config.file: " + file + ": " + error.what());
  }
  return ParseWebConfig(text, file);
}

WebConfig ParseWebConfig(const std::string& text, const std::string& file) {
  const YamlNodePtr tree = ParseYaml(text, file);
  std::vector<ConfigNotice> notices;  // This format has nothing to leave out.
  const YamlValue root(*tree, file, notices);
  File read;
  ReadMap(root, kFileKeys, read);
  CheckTls(read);
  if (read.config.rate_limit.interval.count() > 0 &&
      read.config.rate_limit.burst == 0) {
    read.rate_limit->FailAt("burst",
                            "is 0 or missing, which would refuse every "
                            "request; expected at least 1");
  }
  const std::filesystem::path folder =
      std::filesystem::path(file).parent_path();
  for (PemSource* source : {&read.config.tls.cert, &read.config.tls.key,
                            &read.config.tls.client_ca}) {
    MakeWhole(folder, *source);
  }
  return std::move(read.config);
}

}  // namespace gunicorn_exporter
