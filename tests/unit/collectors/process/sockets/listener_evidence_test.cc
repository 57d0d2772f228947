#include "collectors/process/sockets/listener_evidence.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

constexpr std::uint64_t kListener = 100;
const AppId kFirst{"first", "", ""};
const AppId kSecond{"second", "", ""};

class ListenerEvidenceTest : public testing::Test {
 protected:
  void See(const std::set<std::uint64_t>& accepted,
           const std::set<AppId>& ran) {
    evidence_.See(kListener, accepted, {kFirst, kSecond},
                  [&](const AppId& app) { return ran.contains(app); });
  }

  std::optional<AppId> Owner() const { return evidence_.OwnerOf(kListener); }

  ListenerEvidence evidence_;
};

TEST_F(ListenerEvidenceTest, NamesWhoAloneRanAtEveryAccept) {
  See({}, {});
  See({1}, {kFirst, kSecond});
  EXPECT_FALSE(Owner());
  See({1, 2}, {kFirst});
  EXPECT_EQ(Owner(), kFirst);
}

TEST_F(ListenerEvidenceTest, NamesNobodyAfterOneLook) {
  See({}, {});
  See({1}, {kFirst});
  EXPECT_FALSE(Owner());
}

TEST_F(ListenerEvidenceTest, LearnsNothingFromWhatWasThereAtFirst) {
  See({1, 2}, {});
  See({1, 2}, {});
  See({1}, {});
  EXPECT_FALSE(Owner());
}

TEST_F(ListenerEvidenceTest, NamesNobodyForAForeignListener) {
  See({}, {});
  for (std::uint64_t inode = 1; inode < 10; ++inode) See({inode}, {});
  EXPECT_FALSE(Owner());
}

TEST_F(ListenerEvidenceTest, BeginsAgainWhereTheOwnerDidNotRun) {
  See({}, {});
  See({1}, {kFirst});
  See({2}, {kFirst});
  ASSERT_EQ(Owner(), kFirst);
  See({3}, {kSecond});
  EXPECT_FALSE(Owner());
  See({4}, {kSecond});
  See({5}, {kSecond});
  EXPECT_EQ(Owner(), kSecond);
}

TEST_F(ListenerEvidenceTest, ForgetsListenersThatAreGone) {
  See({}, {});
  See({1}, {kFirst});
  See({2}, {kFirst});
  evidence_.Keep({});
  EXPECT_FALSE(Owner());
}

}  // namespace
}  // namespace gunicorn_exporter
