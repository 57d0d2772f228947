#include "collectors/process/process_thread.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "collectors/process/process_collector.h"
#include "tests/support/fake_proc.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kLong{60};

steady_clock::time_point Later() { return steady_clock::now() + kLong; }

class ProcessThreadTest : public testing::Test {
 protected:
  void SetUp() override {
    proc_.SetTitled(10, 1, "gunicorn: master [shop]");
    proc_.SetTitled(11, 10, "gunicorn: worker [shop]");
  }

  void TearDown() override { Release(); }

  void Start(const Config& config = {}) {
    thread_ = std::make_unique<ProcessThread>(
        config, ProcessPaths{proc_.root(), ""}, registry_,
        [this](const std::vector<AppId>& apps) {
          const std::lock_guard lock(mutex_);
          told_.push_back(apps.size());
          changed_.notify_all();
        },
        [](const std::vector<AppId>&) {});
    thread_->Start();
  }

  // Whoever opens the file waits for somebody who writes it.
  void Hang() {
    fifo_ = std::filesystem::path(proc_.root()) / "99" / "stat";
    std::filesystem::create_directory(fifo_.parent_path());
    ASSERT_EQ(mkfifo(fifo_.c_str(), 0600), 0);
  }
  void Release() {
    if (fifo_.empty()) return;
    const auto moved = fifo_.parent_path() / "moved";
    std::filesystem::rename(fifo_, moved);
    {
      // Not blocking, for it may be that nobody has opened it.
      const FileDescriptor end(open(moved.c_str(), O_WRONLY | O_NONBLOCK));
      EXPECT_EQ(end ? write(end.get(), "sh\n", 3) : 3, 3);
    }
    std::filesystem::remove_all(fifo_.parent_path());
    fifo_.clear();
    if (thread_) thread_->View(false, Later());
  }

  FakeProc proc_;
  prometheus::Registry registry_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::size_t> told_;
  std::filesystem::path fifo_;
  std::unique_ptr<ProcessThread> thread_;
};

std::vector<std::string> Names(const ProcessView& view) {
  std::vector<std::string> names;
  for (const AppView& app : view.apps) names.push_back(app.status.app.name);
  return names;
}

TEST_F(ProcessThreadTest, GivesAViewThatLaterLooksDoNotChange) {
  Start();
  const auto answer = thread_->View(true, Later());
  EXPECT_FALSE(answer.is_late);
  EXPECT_TRUE(thread_->Answers());
  EXPECT_EQ(answer.view->apps.at(0).workers.size(), 1U);
  proc_.SetTitled(12, 10, "gunicorn: worker [shop]");
  EXPECT_EQ(answer.view->apps.at(0).workers.size(), 1U);
}

TEST_F(ProcessThreadTest, TellsTheAppsAtTheFirstLook) {
  Start();
  ASSERT_TRUE(thread_->WaitForLook(Later()));
  EXPECT_TRUE(thread_->HasLooked());
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(told_, std::vector<std::size_t>{1});
}

TEST_F(ProcessThreadTest, GivesTheOldViewWhereTheTableHangs) {
  Start();
  ASSERT_FALSE(thread_->View(true, Later()).is_late);
  Hang();
  // Until a look is not fresh any more.
  ProcessThread::Answer answer;
  do {
    answer = thread_->View(true, steady_clock::now() + seconds(1));
  } while (!answer.is_late);
  EXPECT_EQ(Names(*answer.view), std::vector<std::string>{"shop"});
  const Collected collected =
      ProcessCollector(*thread_).Collect(steady_clock::now());
  EXPECT_EQ(collected.error, "the process table does not answer");
  ASSERT_EQ(collected.families.size(), 1U);
  EXPECT_EQ(collected.families[0].name,
            "gunicorn_exporter_process_view_age_seconds");
  EXPECT_GT(collected.families[0].series.at(0).value, 0);
  WaitUntil([this] { return !thread_->Answers(); });
  EXPECT_FALSE(thread_->Stop(steady_clock::now()));
}

TEST_F(ProcessThreadTest, GivesTheLastViewAtOnceAndSaysWhereItIsOld) {
  Start();
  ASSERT_TRUE(thread_->WaitForLook(Later()));
  const auto answer = thread_->LastView(steady_clock::now());
  EXPECT_FALSE(answer.is_late);
  EXPECT_EQ(Names(*answer.view), std::vector<std::string>{"shop"});
  // As where no look has ended since.
  EXPECT_TRUE(thread_->LastView(Later()).is_late);
}

TEST_F(ProcessThreadTest, KnowsNothingWhereTheTableHangsFromTheStart) {
  Hang();
  Start();
  EXPECT_FALSE(thread_->WaitForLook(steady_clock::now()));
  const auto answer = thread_->View(true, steady_clock::now());
  EXPECT_TRUE(answer.is_late);
  EXPECT_TRUE(answer.view->apps.empty());
  EXPECT_TRUE(thread_->LastView(steady_clock::now()).is_late);
  const Collected collected =
      ProcessCollector(*thread_).Collect(steady_clock::now());
  EXPECT_FALSE(collected.error.empty());
  EXPECT_TRUE(collected.families.empty());
}

TEST_F(ProcessThreadTest, TakesANewConfigurationBeforeTheNextView) {
  Config config;
  config.process.sample_interval = std::chrono::minutes(10);
  Start(config);
  thread_->View(false, Later());
  config.instances.push_back({});
  config.instances.back().proc_name = "bank";
  config.process.sample_interval = std::chrono::minutes(5);
  proc_.SetTitled(20, 1, "gunicorn: master [late]");  // Seen by a new scan.
  thread_->Reconfigure(config);
  const auto answer = thread_->View(false, Later());
  EXPECT_EQ(Names(*answer.view),
            (std::vector<std::string>{"bank", "late", "shop"}));
  EXPECT_EQ(answer.view->config->instances.size(), 1U);
  // Too long for the cost of a sample to stretch it.
  EXPECT_EQ(answer.view->sample_interval_seconds, 300);
}

// Not ten minutes later, as the old one would have it.
TEST_F(ProcessThreadTest, CountsAShorterIntervalFromNow) {
  Config config;
  config.discovery.forget_after = std::chrono::milliseconds(0);
  config.process.sample_interval = std::chrono::minutes(10);
  Start(config);
  thread_->View(false, Later());
  config.process.sample_interval = std::chrono::milliseconds(10);
  thread_->Reconfigure(config);
  thread_->View(false, Later());
  {
    const std::lock_guard lock(mutex_);
    told_.clear();
  }
  proc_.Remove(11);
  proc_.Remove(10);
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, kLong, [this] { return !told_.empty(); }))
      << "no sample was taken";
}

TEST_F(ProcessThreadTest, AnswersWhoseSenderItIsByAMessage) {
  Start();
  std::vector<SenderAnswer> answers;
  thread_->SetWake([this] {
    const std::lock_guard waking(mutex_);
    changed_.notify_all();
  });
  ASSERT_TRUE(thread_->Ask({5, {11, std::nullopt}}));
  ASSERT_TRUE(thread_->Ask({6, {999999, std::nullopt}}));
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, kLong, [&] {
    for (SenderAnswer& answer : thread_->TakeAnswers()) {
      answers.push_back(std::move(answer));
    }
    return answers.size() == 2;
  }));
  lock.unlock();
  thread_->SetWake(nullptr);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].question, 5U);
  EXPECT_EQ(answers[0].sender.value().app.name, "shop");
  EXPECT_EQ(answers[1].question, 6U);
  EXPECT_FALSE(answers[1].sender);
}

TEST_F(ProcessThreadTest, TakesNoMoreQuestionsThanItCanKeep) {
  Hang();
  Start();
  std::uint64_t question = 0;
  while (question < 100000 && thread_->Ask({question, {11, std::nullopt}})) {
    ++question;
  }
  EXPECT_LT(question, 100000U);
}

}  // namespace
}  // namespace gunicorn_exporter
