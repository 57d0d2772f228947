#include "config/load_web_config.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/config_error.h"
#include "config/base/read_file.h"
#include "config/tls_names.h"
#include "config/yaml.h"

namespace gunicorn_exporter {
namespace {

// What is read, and the place of what is checked against other keys later.
struct ReadConfig {
  WebConfig config;
  std::optional<YamlValue> tls, client_allowed_sans, min_version, rate_limit;
};

// "a, b, c" of what `name_of` gives of each row of a table.
template <typename Table, typename NameOf>
std::string JoinNames(const Table& table, NameOf name_of) {
  std::string joined;
  for (const auto& row : table) {
    if (!joined.empty()) joined += ", ";
    joined += std::invoke(name_of, row);
  }
  return joined;
}

template <PemSource TlsConfig::*pem, std::string PemSource::*text>
void ReadPem(const YamlValue& value, ReadConfig& read) {
  PemSource& source = read.config.tls.*pem;
  if (source.IsSet()) {
    value.Fail("is a second one beside " + source.key + "; expected only one");
  }
  source.*text = value.NonEmptyString();
  source.key = value.path();
  source.line = value.line();
}

// For KeyRule::read, as Set.
template <auto field, auto read_value>
void SetTls(const YamlValue& value, ReadConfig& read) {
  read.config.tls.*field = std::invoke(read_value, value);
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

void ReadClientAuth(const YamlValue& value, ReadConfig& read) {
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
  read.config.tls.client_auth = found->second;
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

// A list of names, each of which is that of a row of the table.
template <auto field, auto& table, auto name_of>
void ReadNames(const YamlValue& value, ReadConfig& read) {
  for (const YamlValue& item : value.Items()) {
    const std::string name = item.String();
    if (std::none_of(table.begin(), table.end(), [&](const auto& row) {
          return std::invoke(name_of, row) == name;
        })) {
      item.Fail(Quoted(name) + " is not known; expected one of " +
                JoinNames(table, name_of));
    }
    (read.config.tls.*field).push_back(name);
  }
}

constexpr KeyRule<ReadConfig> kTlsKeys[] = {
    {"cert", ReadPem<&TlsConfig::cert, &PemSource::text>},
    {"cert_file", ReadPem<&TlsConfig::cert, &PemSource::file>},
    {"key", ReadPem<&TlsConfig::key, &PemSource::text>},
    {"key_file", ReadPem<&TlsConfig::key, &PemSource::file>},
    {"client_ca", ReadPem<&TlsConfig::client_ca, &PemSource::text>},
    {"client_ca_file", ReadPem<&TlsConfig::client_ca, &PemSource::file>},
    {"client_auth_type", ReadClientAuth},
    {"client_allowed_sans",
     [](const YamlValue& value, ReadConfig& read) {
       for (const YamlValue& item : value.Items()) {
         read.config.tls.client_allowed_sans.push_back(item.NonEmptyString());
       }
       read.client_allowed_sans.emplace(value);
     }},
    {"min_version",
     [](const YamlValue& value, ReadConfig& read) {
       read.config.tls.min_version = ReadVersion(value);
       read.min_version.emplace(value);
     }},
    {"max_version", SetTls<&TlsConfig::max_version, ReadVersion>},
    {"cipher_suites", ReadNames<&TlsConfig::cipher_suites, kCipherSuites,
                                &CipherSuiteName::iana>},
    {"prefer_server_cipher_suites",
     SetTls<&TlsConfig::prefer_server_cipher_suites, &YamlValue::Bool>},
    {"curve_preferences",
     ReadNames<&TlsConfig::curve_preferences, kCurves, &CurveName::go>},
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

void ReadHeaders(const YamlValue& map, ReadConfig& read) {
  for (const auto& [name, value] : map.Entries()) {
    const auto* const rule =
        std::find_if(std::begin(kHeaders), std::end(kHeaders),
                     [&, wanted = name](const HeaderRule& known) {
                       return known.name == wanted;
                     });
    if (rule == std::end(kHeaders)) {
      value.Fail("is a header that cannot be set; expected one of " +
                 JoinNames(kHeaders, &HeaderRule::name));
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
    read.config.headers.emplace(name, text);
  }
}

constexpr KeyRule<ReadConfig> kHttpKeys[] = {
    {"http2",
     [](const YamlValue& value, ReadConfig&) {
       if (value.Bool()) {
         value.Fail("HTTP/2 is not offered; expected false, or no such key");
       }
     }},
    {"headers", ReadHeaders},
};

void ReadUsers(const YamlValue& map, ReadConfig& read) {
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
    read.config.users.emplace(name, hash.Text());
  }
}

constexpr KeyRule<ReadConfig> kRateLimitKeys[] = {
    {"interval",
     [](const YamlValue& value, ReadConfig& read) {
       // The toolkit's way to say "no limit" is a bare 0.
       if (value.Text() != "0")
         read.config.rate_limit.interval = value.Duration();
     }},
    {"burst",
     [](const YamlValue& value, ReadConfig& read) {
       read.config.rate_limit.burst =
           static_cast<int>(value.Integer(0, std::numeric_limits<int>::max()));
     }},
};

constexpr KeyRule<ReadConfig> kFileKeys[] = {
    {"tls_server_config",
     [](const YamlValue& value, ReadConfig& read) {
       ReadMap(value, kTlsKeys, read);
       read.tls.emplace(value);
     }},
    {"http_server_config",
     [](const YamlValue& value, ReadConfig& read) {
       ReadMap(value, kHttpKeys, read);
     }},
    {"basic_auth_users", ReadUsers},
    {"rate_limit",
     [](const YamlValue& value, ReadConfig& read) {
       ReadMap(value, kRateLimitKeys, read);
       read.rate_limit.emplace(value);
     }},
};

void CheckTls(ReadConfig& read) {
  TlsConfig& tls = read.config.tls;
  if (!read.tls.has_value() || read.tls->Entries().empty()) return;
  tls.enabled = true;
  if (!tls.cert.IsSet()) {
    read.tls->FailAt("cert_file", "is missing; expected cert_file or cert");
  }
  if (!tls.key.IsSet()) {
    read.tls->FailAt("key_file", "is missing; expected key_file or key");
  }
  if (tls.min_version > tls.max_version) {
    read.min_version->Fail("is above max_version; expected at most it");
  }
  if (tls.client_ca.IsSet() && tls.client_auth == ClientAuth::kNone) {
    read.tls->FailAt("client_auth_type",
                     "is missing or NoClientCert beside a client CA; expected "
                     "RequireAndVerifyClientCert");
  }
  if (read.client_allowed_sans.has_value() &&
      tls.client_auth != ClientAuth::kRequireAny &&
      tls.client_auth != ClientAuth::kRequireAndVerify) {
    read.client_allowed_sans->Fail(
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
  YamlFile yaml{file};  // Without notices: nothing is left out.
  ReadConfig read;
  ReadMap(YamlValue::Parse(text, yaml), kFileKeys, read);
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
