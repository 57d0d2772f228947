#include "exporter/web/password_check.h"

#include <crypt.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/password_hash.h"

namespace gunicorn_exporter {
namespace {

using Verdict = PasswordCheck::Verdict;

constexpr char kClient[] = "192.0.2.1";
constexpr char kOther[] = "192.0.2.2";

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
  EXPECT_EQ(check.Check({"alice", "secret"}, kClient), Verdict::kRight);
  EXPECT_EQ(check.Check({"alice", "secret"}, kClient),
            Verdict::kRight);  // Remembered.
  EXPECT_EQ(check.Check({"bob", "secret"}, kClient), Verdict::kWrong);
  EXPECT_EQ(check.Check({"alice", "other"}, kClient), Verdict::kWrong);
  EXPECT_EQ(check.Check({"alice", ""}, kClient), Verdict::kWrong);
  EXPECT_EQ(check.Check({"", "secret"}, kClient), Verdict::kWrong);
  EXPECT_EQ(check.Check({"carol", "secret"}, kClient), Verdict::kWrong);
}

// crypt(3) reads up to a NUL.
TEST(PasswordCheck, RefusesAPasswordWithANul) {
  PasswordCheck check({{"alice", Hash("secret")}});
  EXPECT_EQ(check.Check({"alice", std::string("secret\0more", 11)}, kClient),
            Verdict::kWrong);
}

// Were the parts only joined, this pair would be the remembered one.
TEST(PasswordCheck, RemembersUserAndPasswordApart) {
  const std::string hash = Hash("c");
  PasswordCheck check({{"ab", hash}, {"a", hash}});
  EXPECT_EQ(check.Check({"ab", "c"}, kClient), Verdict::kRight);
  EXPECT_EQ(check.Check({"a", "bc"}, kClient), Verdict::kWrong);
}

TEST(PasswordCheck, TakesHashesOfSeveralCosts) {
  crypt_data data = {};
  const std::string costly =
      crypt_r("high", "$2b$06$abcdefghijklmnopqrstuu", &data);
  PasswordCheck check({{"low", Hash("low")}, {"high", costly}});
  EXPECT_EQ(check.Check({"low", "low"}, kClient), Verdict::kRight);
  EXPECT_EQ(check.Check({"high", "high"}, kClient), Verdict::kRight);
  EXPECT_EQ(check.Check({"high", "low"}, kClient), Verdict::kWrong);
}

// To check a hash of the highest cost takes days.
TEST(PasswordCheck, TakesNoLongerThanTheUsersOwnHash) {
  std::string dear = Hash("dear");
  dear.replace(4, 2, "31");
  PasswordCheck check(
      {{"alice", Hash("secret")}, {"bob", Hash("other")}, {"carol", dear}});
  EXPECT_EQ(check.Check({"alice", "secret"}, kClient), Verdict::kRight);
  EXPECT_EQ(check.Check({"alice", "wrong"}, kClient), Verdict::kWrong);
  EXPECT_EQ(check.Check({"nobody", "wrong"}, kClient), Verdict::kWrong)
      << "most users' hashes are cheap";
}

// Else one that guesses fills the queue, and nobody else's password is looked
// at.
TEST(PasswordCheck, ChecksOneOfEachClientAtATime) {
  std::string dear = Hash("dear");
  dear.replace(4, 2, "12");  // A quarter of a second.
  PasswordCheck check({{"alice", Hash("secret")}, {"dear", dear}});
  // A machine that stands still may miss the moment: then once more.
  Verdict same = Verdict::kWrong;
  Verdict other = Verdict::kWrong;
  for (int attempt = 0; attempt < 20 && same != Verdict::kBusy; ++attempt) {
    std::atomic<bool> done{false};
    std::thread guess([&] {
      while (check.Check({"dear", "wrong"}, kClient) == Verdict::kBusy) {
      }  // It is the other's turn.
      done = true;
    });
    while (same != Verdict::kBusy && !done) {
      same = check.Check({"alice", "wrong"}, kClient);
    }
    other = check.Check({"alice", "secret"}, kOther);
    guess.join();
  }
  EXPECT_EQ(same, Verdict::kBusy);
  EXPECT_EQ(other, Verdict::kRight) << "another client waits for its turn";
  EXPECT_EQ(check.Check({"alice", "secret"}, kClient), Verdict::kRight)
      << "its turn comes again";
}

TEST(ClientOf, IsAnIpv4AddressOrTheFirstHalfOfAnIpv6One) {
  EXPECT_EQ(ClientOf("192.0.2.1:43210"), "192.0.2.1");
  EXPECT_EQ(ClientOf("[2001:db8:1:2:3:4:5:6]:43210"), "2001:db8:1:2::");
  EXPECT_EQ(ClientOf("[2001:db8:1:2::9]:1"),
            ClientOf("[2001:db8:1:2:ffff::]:2"));
  EXPECT_NE(ClientOf("[2001:db8:1:2::9]:1"), ClientOf("[2001:db8:1:3::9]:1"));
  EXPECT_EQ(ClientOf("[fe80::1%eth0]:1"), "fe80::");
  EXPECT_EQ(ClientOf(""), ClientOf(":"));  // Unix sockets.
}

}  // namespace
}  // namespace gunicorn_exporter
