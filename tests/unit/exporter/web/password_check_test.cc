#include "exporter/web/password_check.h"

#include <crypt.h>
#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

using Verdict = PasswordCheck::Verdict;

// Of the lowest cost, for the test's time.
std::string Hash(const std::string& password) {
  crypt_data data = {};
  return crypt_r(password.c_str(), "$2y$04$abcdefghijklmnopqrstuu", &data);
}

TEST(ParseBasicAuthorization, ReadsUserAndPassword) {
  const auto plain = ParseBasicAuthorization("Basic cHJvbTpzZWNyZXQ=");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->user, "prom");
  EXPECT_EQ(plain->password, "secret");
  // The scheme in any case, a colon in the password, an empty one.
  EXPECT_EQ(ParseBasicAuthorization("bAsIc YTpiOmM=")->password, "b:c");
  EXPECT_EQ(ParseBasicAuthorization("Basic YTo=")->password, "");
}

TEST(ParseBasicAuthorization, RefusesWhatIsNone) {
  for (const char* header : {"", "Basic", "Basic ", "Basic !!!!", "Bearer YTpi",
                             "Basic YWI=", "BasicYTpi"}) {
    EXPECT_FALSE(ParseBasicAuthorization(header).has_value()) << header;
  }
  EXPECT_FALSE(ParseBasicAuthorization("Basic " + std::string(10'000, 'Y')));
}

TEST(PasswordCheck, TakesTheRightPasswordOnly) {
  PasswordCheck check({{"alice", Hash("secret")}, {"bob", Hash("other")}});
  EXPECT_EQ(check.Check({"alice", "secret"}), Verdict::kRight);
  EXPECT_EQ(check.Check({"alice", "secret"}), Verdict::kRight);  // Remembered.
  EXPECT_EQ(check.Check({"bob", "secret"}), Verdict::kWrong);
  EXPECT_EQ(check.Check({"alice", "other"}), Verdict::kWrong);
  EXPECT_EQ(check.Check({"alice", ""}), Verdict::kWrong);
  EXPECT_EQ(check.Check({"", "secret"}), Verdict::kWrong);
  EXPECT_EQ(check.Check({"carol", "secret"}), Verdict::kWrong);
}

// crypt(3) reads up to a NUL.
TEST(PasswordCheck, RefusesAPasswordWithANul) {
  PasswordCheck check({{"alice", Hash("secret")}});
  EXPECT_EQ(check.Check({"alice", std::string("secret\0more", 11)}),
            Verdict::kWrong);
}

// Were the parts only joined, this pair would be the remembered one.
TEST(PasswordCheck, RemembersUserAndPasswordApart) {
  const std::string hash = Hash("c");
  PasswordCheck check({{"ab", hash}, {"a", hash}});
  EXPECT_EQ(check.Check({"ab", "c"}), Verdict::kRight);
  EXPECT_EQ(check.Check({"a", "bc"}), Verdict::kWrong);
}

TEST(PasswordCheck, TakesHashesOfSeveralCosts) {
  crypt_data data = {};
  const std::string costly =
      crypt_r("high", "$2b$06$abcdefghijklmnopqrstuu", &data);
  PasswordCheck check({{"low", Hash("low")}, {"high", costly}});
  EXPECT_EQ(check.Check({"low", "low"}), Verdict::kRight);
  EXPECT_EQ(check.Check({"high", "high"}), Verdict::kRight);
  EXPECT_EQ(check.Check({"high", "low"}), Verdict::kWrong);
}

// To check a hash of the highest cost takes days.
TEST(PasswordCheck, TakesNoLongerThanTheUsersOwnHash) {
  std::string dear = Hash("dear");
  dear.replace(4, 2, "31");
  PasswordCheck check(
      {{"alice", Hash("secret")}, {"bob", Hash("other")}, {"carol", dear}});
  EXPECT_EQ(check.Check({"alice", "secret"}), Verdict::kRight);
  EXPECT_EQ(check.Check({"alice", "wrong"}), Verdict::kWrong);
  EXPECT_EQ(check.Check({"nobody", "wrong"}), Verdict::kWrong)
      << "most users' hashes are cheap";
}

}  // namespace
}  // namespace gunicorn_exporter
