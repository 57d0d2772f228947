#include "config/load_web_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "config/base/config_error.h"

namespace gunicorn_exporter {
namespace {

constexpr char kFixtures[] = TESTS_DIR "/fixtures/web-config/";

std::string Good(const std::string& name) {
  return std::string(kFixtures) + "good/" + name + ".yml";
}

TEST(LoadWebConfig, TakesEveryGoodFile) {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(kFixtures) + "good")) {
    EXPECT_NO_THROW(LoadWebConfigFile(entry.path().string())) << entry.path();
    ++count;
  }
  EXPECT_GT(count, 10);
}

// Each NAME.yml has a NAME.error: what the message holds behind the file.
TEST(LoadWebConfig, RefusesEveryBadFileAndSaysWhereAndWhy) {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(kFixtures) + "bad")) {
    if (entry.path().extension() != ".yml") continue;
    ++count;
    std::string expected;
    std::ifstream in(
        std::filesystem::path(entry.path()).replace_extension(".error"));
    std::getline(in, expected);
    ASSERT_FALSE(expected.empty()) << entry.path();
    try {
      LoadWebConfigFile(entry.path().string());
      ADD_FAILURE() << entry.path() << " was taken";
    } catch (const ConfigError& error) {
      const std::string what = error.what();
      EXPECT_TRUE(what.starts_with(entry.path().string() + ":")) << what;
      EXPECT_NE(what.find(expected), std::string::npos)
          << what << "\nlacks: " << expected;
      EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    }
  }
  EXPECT_GT(count, 20);
}

TEST(LoadWebConfig, SaysThatAFileCannotBeRead) {
  try {
    LoadWebConfigFile("/does/not/exist.yml");
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "--web.config.file: /does/not/exist.yml: cannot be read: No "
                 "such file or directory");
  }
}

TEST(LoadWebConfig, IsPlainAndOpenByDefault) {
  EXPECT_EQ(LoadWebConfigFile(Good("empty")), WebConfig{});
  EXPECT_EQ(LoadWebConfigFile(Good("null_sections")), WebConfig{});
  EXPECT_EQ(LoadWebConfigFile(Good("blank_header")), WebConfig{});
}

TEST(LoadWebConfig, ReadsTls) {
  const TlsConfig tls = LoadWebConfigFile(Good("tls_everything")).tls;
  EXPECT_TRUE(tls.enabled);
  EXPECT_EQ(tls.cert.file, std::string(kFixtures) + "good/server.crt");
  EXPECT_EQ(tls.client_auth, ClientAuth::kRequireAndVerify);
  EXPECT_EQ(tls.client_allowed_sans,
            (std::vector<std::string>{"prometheus.example.org", "192.0.2.1"}));
  EXPECT_EQ(tls.min_version, TlsVersion::kTls12);
  EXPECT_FALSE(tls.prefer_server_cipher_suites);
  EXPECT_EQ(tls.cipher_suites.size(), 2U);
  EXPECT_EQ(tls.curve_preferences,
            (std::vector<std::string>{"X25519", "CurveP256"}));
}

TEST(LoadWebConfig, TakesPathsFromItsOwnFolder) {
  const TlsConfig tls = LoadWebConfigFile(Good("tls_files")).tls;
  EXPECT_EQ(tls.cert.file, std::string(kFixtures) + "good/server.crt");
  EXPECT_EQ(tls.key.file, "/etc/ssl/private/server.key");
}

TEST(LoadWebConfig, ReadsUsersHeadersAndRateLimit) {
  EXPECT_EQ(LoadWebConfigFile(Good("basic_auth")).users.size(), 2U);
  const auto headers = LoadWebConfigFile(Good("headers")).headers;
  EXPECT_EQ(headers.size(), 5U);
  EXPECT_EQ(headers.at("X-XSS-Protection"), "0");
  const RateLimitConfig limit =
      LoadWebConfigFile(Good("rate_limit")).rate_limit;
  EXPECT_EQ(limit.interval, std::chrono::milliseconds(100));
  EXPECT_EQ(limit.burst, 20);
}

// It may end in a log.
TEST(LoadWebConfig, DoesNotRepeatAPassword) {
  try {
    ParseWebConfig("basic_auth_users:\n  alice: hunter2\n", "web.yml");
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos);
  }
}

TEST(BcryptCost, ReadsTheCostOfAHash) {
  const std::string tail = std::string(53, 'a');
  EXPECT_EQ(BcryptCost("$2y$10$" + tail), 10);
  EXPECT_EQ(BcryptCost("$2a$04$" + tail), 4);
  EXPECT_EQ(BcryptCost("$2b$31$" + tail), 31);
  for (const std::string& hash :
       {std::string(), "$2y$10$" + tail + "a", "$2x$10$" + tail,
        "$2y$03$" + tail, "$2y$32$" + tail, "$2y$1a$" + tail,
        "$2y$10$" + std::string(53, '!'), "$1y$10$" + tail}) {
    EXPECT_EQ(BcryptCost(hash), 0) << hash;
  }
}

}  // namespace
}  // namespace gunicorn_exporter
