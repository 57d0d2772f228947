#include "exporter/web/web_access.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "config/base/config_error.h"
#include "tests/support/password_hash.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {
namespace {

std::string Users(const std::string& password) {
  return "basic_auth_users:\n  alice: " + Hash(password) + "\n";
}

HttpRequest As(const std::string& authorization) {
  HttpRequest request;
  request.authorization = authorization;
  return request;
}

constexpr auto kLong = std::chrono::minutes(10);

constexpr char kPeer[] = "127.0.0.1:43210";

constexpr char kAliceSecret[] = "Basic YWxpY2U6c2VjcmV0";
constexpr char kAliceOther[] = "Basic YWxpY2U6b3RoZXI=";

class WebAccessTest : public testing::Test {
 protected:
  WebAccessTest() {
    std::string folder = testing::TempDir() + "web_access_XXXXXX";
    folder_ = mkdtemp(folder.data());
    file_ = folder_ + "/web.yml";
  }
  ~WebAccessTest() override { std::filesystem::remove_all(folder_); }

  // As a careful writer does: the file is the old one or the new one.
  void Write(const std::string& text) const {
    std::ofstream(file_ + ".new") << text;
    std::filesystem::rename(file_ + ".new", file_);
  }
  static int StatusOf(const std::optional<HttpResponse>& refusal) {
    return refusal.has_value() ? refusal->status : 200;
  }

  // Empty when it worked, else why not.
  static std::string Reload(WebAccess& access) {
    try {
      access.Adopt(access.Prepare(FileThread::Clock::now() + kLong));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return {};
  }
  std::int64_t ChangeTimeNs() const {
    struct stat status = {};
    EXPECT_EQ(stat(file_.c_str(), &status), 0);
    return status.st_ctim.tv_sec * std::int64_t{1'000'000'000} +
           status.st_ctim.tv_nsec;
  }
  // A named pipe that nobody writes, where the file was.
  void WriteFifo() const {
    std::filesystem::remove(file_);
    ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  }

  std::string folder_;
  std::string file_;
  FileThread files_;
};

TEST_F(WebAccessTest, IsOpenWithoutAFile) {
  WebAccess access(LoadWebState(""), files_, kLong);
  EXPECT_FALSE(access.Refuse({}, kPeer, false).has_value());
  EXPECT_EQ(access.Tls(), nullptr);
  EXPECT_EQ(Reload(access), "");
}

TEST_F(WebAccessTest, AsksForAPassword) {
  Write(Users("secret"));
  WebAccess access(LoadWebState(file_), files_, kLong);
  const auto refusal = access.Refuse({}, kPeer, false);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 401);
  EXPECT_NE(
      std::find(refusal->headers.begin(), refusal->headers.end(),
                std::pair<std::string, std::string>(
                    "WWW-Authenticate", "Basic realm=\"gunicorn_exporter\"")),
      refusal->headers.end());
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceOther), kPeer, false)), 401);
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 200);
}

TEST_F(WebAccessTest, LetsProbesPassWithoutPasswordOrLimit) {
  Write(Users("secret") + "rate_limit: {interval: 1h, burst: 1}\n");
  WebAccess access(LoadWebState(file_), files_, kLong);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, true)), 200);
  }
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 200);
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 429);
}

TEST_F(WebAccessTest, TakesAChangeOfTheFileAtOnce) {
  Write(Users("secret"));
  WebAccess access(LoadWebState(file_), files_, kLong);
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 200);
  Write(Users("other"));
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 401);
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceOther), kPeer, false)), 200);
}

// Only the kernel's own time of the change tells it.
TEST_F(WebAccessTest, TakesAChangeThatKeepsSizeAndTime) {
  std::ofstream(file_) << Users("secret");
  WebAccess access(LoadWebState(file_), files_, kLong);
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 200);
  const auto written = std::filesystem::last_write_time(file_);
  ASSERT_EQ(Users("secret").size(), Users("other!").size());
  const std::int64_t before = ChangeTimeNs();
  do {  // The kernel's clock goes in steps.
    std::ofstream(file_) << Users("other!");
    std::filesystem::last_write_time(file_, written);
  } while (ChangeTimeNs() == before);
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 401);
}

TEST_F(WebAccessTest, KeepsTheOldStateWhileTheFileIsBroken) {
  Write(Users("secret"));
  WebAccess access(LoadWebState(file_), files_, kLong);
  for (const char* broken : {"basic_auth_users: [\n", "nonsense: 1\n"}) {
    Write(broken);
    EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 200);
    EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 401);
  }
  EXPECT_NE(Reload(access).find(file_ + ":1: nonsense: unknown key"),
            std::string::npos);
  std::filesystem::remove(file_);
  EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 401);
  Write(Users("other"));
  EXPECT_EQ(StatusOf(access.Refuse(As(kAliceOther), kPeer, false)), 200);
}

TEST_F(WebAccessTest, OpensNothingThatWasClosedWithoutARestart) {
  Write(Users("secret"));
  WebAccess access(LoadWebState(file_), files_, kLong);
  for (const char* open : {"", "basic_auth_users: {}\n"}) {
    Write(open);
    EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 401) << open;
    EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 200)
        << open;
  }
  EXPECT_NE(Reload(access).find(
                "basic_auth_users: removing all users takes a restart"),
            std::string::npos);
}

TEST_F(WebAccessTest, CountsOnAfterAChangeOfSomethingElse) {
  const std::string limit = "rate_limit: {interval: 1h, burst: 1}\n";
  Write(limit);
  WebAccess access(LoadWebState(file_), files_, kLong);
  EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 200);
  Write(limit + "http_server_config: {headers: {X-Frame-Options: deny}}\n");
  EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 429);
}

TEST_F(WebAccessTest, ServesOnWhileTheFileDoesNotAnswer) {
  Write(Users("secret"));
  WebAccess access(LoadWebState(file_), files_);
  WriteFifo();
  for (int i = 0; i < 1000; ++i) {  // They do not wait, each of them.
    EXPECT_EQ(StatusOf(access.Refuse(As(kAliceSecret), kPeer, false)), 200);
    EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 401);
  }
  EXPECT_TRUE(files_.IsLate());
  EXPECT_FALSE(files_.IsIdle(FileThread::Clock::now()));
  EXPECT_THROW(access.Prepare(FileThread::Clock::now()), ConfigError);
  std::ofstream pipe(file_);
  Write(Users("other"));
  pipe << Users("secret");
  pipe.close();
  EXPECT_TRUE(files_.IsIdle(FileThread::Clock::now() + kLong));
  WaitUntil([&] {  // A slow machine may not read it within the patience.
    return StatusOf(access.Refuse(As(kAliceOther), kPeer, false)) == 200;
  });
}

TEST_F(WebAccessTest, ChangesNothingUntilWhatIsPreparedIsAdopted) {
  const std::string limit = "rate_limit: {interval: 1h, burst: 1}\n";
  Write("");
  WebAccess access(LoadWebState(file_), files_, kLong);
  Write(limit);
  const auto prepared = access.Prepare(FileThread::Clock::now() + kLong);
  Write("");
  EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 200);
  EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 200);
  Write(limit);
  access.Adopt(access.Prepare(FileThread::Clock::now() + kLong));
  EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 200);
  EXPECT_EQ(StatusOf(access.Refuse({}, kPeer, false)), 429);
}

TEST_F(WebAccessTest, AddsTheConfiguredHeaders) {
  Write(
      "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
      "    Content-Security-Policy: frame-ancestors 'none'\n"
      "    X-Content-Type-Options: nosniff\n");
  WebAccess access(LoadWebState(file_), files_, kLong);
  HttpResponse response;
  response.headers = {{"Content-Security-Policy", "default-src 'none'"},
                      {"X-Content-Type-Options", "nosniff"}};
  access.AddHeaders(response);
  std::multimap<std::string, std::string> headers(response.headers.begin(),
                                                  response.headers.end());
  EXPECT_EQ(headers.count("X-Frame-Options"), 1U);
  EXPECT_EQ(headers.count("X-Content-Type-Options"), 1U);
  EXPECT_EQ(headers.count("Content-Security-Policy"), 2U);
}

TEST_F(WebAccessTest, SaysWhatIsWrongWithACertificate) {
  const std::string tls =
      "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
  Write(tls);
  const auto error = [&] {
    try {
      LoadWebState(file_);
    } catch (const ConfigError& thrown) {
      return std::string(thrown.what());
    }
    return std::string();
  };
  EXPECT_EQ(error(), file_ + ":2: tls_server_config.cert_file: " + folder_ +
                         "/server.crt cannot be read: No such file or "
                         "directory");
  std::ofstream(folder_ + "/server.crt") << "not PEM\n";
  EXPECT_EQ(error(), file_ + ":2: tls_server_config.cert_file: " + folder_ +
                         "/server.crt has no certificate; expected PEM");
  std::ofstream(folder_ + "/server.crt") << std::string((1 << 20) + 1, '\n');
  EXPECT_EQ(error(), file_ + ":2: tls_server_config.cert_file: " + folder_ +
                         "/server.crt is larger than 1 MiB; expected PEM");
}

}  // namespace
}  // namespace gunicorn_exporter
