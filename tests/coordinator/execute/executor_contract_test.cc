// What executor.h promises, on both implementations.
#include <csignal>
#include <fstream>

#include <gtest/gtest.h>

#include "coordinator/execute/fake_executor.h"
#include "coordinator/execute/local_executor.h"
#include "tests/coordinator/execute/attempt_scene.h"

namespace lockstep {
namespace {

// An executor and the jobs under it: what of them is not the executor's work.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual Executor& executor() = 0;
  virtual void set_on_ended(OnEnded on_ended) = 0;
  virtual void ensure(int attempt) = 0;
  // The job ends by itself.
  virtual void end_job(int attempt, int exit_code) = 0;
  // The job, which was asked to stop, does so.
  virtual void obey(int attempt) = 0;
  // The watcher of the job is killed.
  virtual void kill_watcher(int attempt) = 0;
  virtual std::vector<Ended> wait_for(std::size_t count) = 0;

  static AttemptKey key(int attempt) { return {"sweep", 0, attempt}; }
};

class LocalStage : public Stage {
 public:
  LocalStage() : executor_(make_local_executor({.shim = LOCKSTEP_SHIM, .on_ended = listener(), .cores = {0, 1}})) {}

  Executor& executor() override { return *executor_; }
  void set_on_ended(OnEnded on_ended) override { on_ended_ = std::move(on_ended); }
  void ensure(int attempt) override {
    const AttemptScene& scene = scenes_[static_cast<std::size_t>(attempt)];
    executor_->ensure(key(attempt), scene.path(),
                      scene.job("trap 'exit 75' USR1; echo > $D/ready\n"
                                "while [ ! -e $D/go ]; do sleep 0.01; done; exit $(cat $D/go)"));
  }
  void end_job(int attempt, int exit_code) override {
    const AttemptScene& scene = scenes_[static_cast<std::size_t>(attempt)];
    std::ofstream(scene.path() / "code") << exit_code;
    std::filesystem::rename(scene.path() / "code", scene.path() / "go");
  }
  void obey(int) override {}
  void kill_watcher(int attempt) override { ::kill(scenes_[static_cast<std::size_t>(attempt)].shim_pid(), SIGKILL); }
  std::vector<Ended> wait_for(std::size_t count) override { return log_.wait_for(count); }

  void wait_until_ready(int attempt) {
    const AttemptScene& scene = scenes_[static_cast<std::size_t>(attempt)];
    EXPECT_TRUE(eventually([&] { return scene.has("ready"); }));
  }

 private:
  OnEnded listener() {
    return [this](const Ended& ended) {
      if (on_ended_) on_ended_(ended);
      log_.listener()(ended);
    };
  }

  AttemptScene scenes_[3];
  EndLog log_;
  OnEnded on_ended_;
  std::unique_ptr<Executor> executor_;
};

class FakeStage : public Stage {
 public:
  FakeStage() : executor_({0, 1}, listener()) {}

  Executor& executor() override { return executor_; }
  void set_on_ended(OnEnded on_ended) override { on_ended_ = std::move(on_ended); }
  void ensure(int attempt) override { executor_.ensure(key(attempt), "/nowhere", proto::AttemptFile()); }
  void end_job(int attempt, int exit_code) override { executor_.end_with_code(key(attempt), exit_code); }
  void obey(int attempt) override {
    if (executor_.under_way().at(key(attempt)).asked_to_stop) executor_.end_with_code(key(attempt), 75);
  }
  void kill_watcher(int attempt) override { executor_.lose(key(attempt)); }
  std::vector<Ended> wait_for(std::size_t count) override {
    while (log_.ends().size() < count && executor_.deliver() > 0) continue;
    return log_.ends();
  }
  void wait_until_ready(int attempt) { EXPECT_TRUE(executor_.under_way().contains(key(attempt))); }

 private:
  OnEnded listener() {
    return [this](const Ended& ended) {
      if (on_ended_) on_ended_(ended);
      log_.listener()(ended);
    };
  }

  EndLog log_;
  OnEnded on_ended_;
  FakeExecutor executor_;
};

template <typename StageType>
class ExecutorContractTest : public testing::Test {
 protected:
  // The ends so far, when no more than `count` are expected: an attempt that is ended last shows that no other end is
  // on its way.
  std::vector<Ended> ends_before_last(std::size_t count) {
    stage_.ensure(2);
    stage_.end_job(2, 0);
    std::vector<Ended> ends = stage_.wait_for(count + 1);
    EXPECT_EQ(ends.size(), count + 1);
    if (!ends.empty()) {
      EXPECT_EQ(ends.back().key, Stage::key(2));
      ends.pop_back();
    }
    return ends;
  }

  StageType stage_;
};

using Stages = testing::Types<LocalStage, FakeStage>;
TYPED_TEST_SUITE(ExecutorContractTest, Stages);

TYPED_TEST(ExecutorContractTest, AnEndIsToldOnceHoweverOftenItIsEnsured) {
  this->stage_.ensure(1);
  this->stage_.ensure(1);
  this->stage_.end_job(1, 3);
  ASSERT_EQ(this->stage_.wait_for(1).size(), 1U);
  this->stage_.ensure(1);
  const std::vector<Ended> ends = this->ends_before_last(1);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].key, Stage::key(1));
  EXPECT_EQ(ends[0].end, proto::EXITED);
  EXPECT_EQ(ends[0].exit_code, 3);
}

TYPED_TEST(ExecutorContractTest, TheFirstReasonToKillIsTheEnd) {
  this->stage_.ensure(1);
  this->stage_.wait_until_ready(1);
  this->stage_.executor().kill(Stage::key(1), proto::FENCED);
  this->stage_.executor().kill(Stage::key(1), proto::KILLED);
  ASSERT_EQ(this->stage_.wait_for(1).size(), 1U);
  this->stage_.executor().kill(Stage::key(1), proto::KILLED);
  const std::vector<Ended> ends = this->ends_before_last(1);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].end, proto::FENCED);
  EXPECT_EQ(ends[0].exit_code, -1);
}

TYPED_TEST(ExecutorContractTest, AJobThatIsAskedMayStop) {
  this->stage_.ensure(1);
  this->stage_.wait_until_ready(1);
  this->stage_.executor().ask_to_stop(Stage::key(1));
  this->stage_.obey(1);
  const std::vector<Ended> ends = this->stage_.wait_for(1);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].end, proto::EXITED);
  EXPECT_EQ(ends[0].exit_code, 75);
}

TYPED_TEST(ExecutorContractTest, WithoutItsWatcherAnAttemptIsLost) {
  this->stage_.ensure(1);
  this->stage_.wait_until_ready(1);
  this->stage_.kill_watcher(1);
  const std::vector<Ended> ends = this->ends_before_last(1);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].end, proto::LOST);
  EXPECT_EQ(ends[0].exit_code, -1);
}

TYPED_TEST(ExecutorContractTest, KeysThatAreNotUnderWayAreIgnored) {
  this->stage_.executor().ask_to_stop(Stage::key(1));
  this->stage_.executor().kill(Stage::key(1), proto::KILLED);
  EXPECT_TRUE(this->ends_before_last(0).empty());
}

TYPED_TEST(ExecutorContractTest, AnEndMayStartTheNext) {
  this->stage_.set_on_ended([this](const Ended& ended) {
    if (ended.key != Stage::key(0)) return;
    this->stage_.ensure(1);
    this->stage_.end_job(1, 5);
  });
  this->stage_.ensure(0);
  this->stage_.end_job(0, 0);
  const std::vector<Ended> ends = this->stage_.wait_for(2);
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_EQ(ends[1].key, Stage::key(1));
  EXPECT_EQ(ends[1].exit_code, 5);
}

TYPED_TEST(ExecutorContractTest, OneEndLeavesOthersAlone) {
  this->stage_.ensure(0);
  this->stage_.ensure(1);
  this->stage_.wait_until_ready(0);
  this->stage_.wait_until_ready(1);
  this->stage_.executor().kill(Stage::key(0), proto::KILLED);
  ASSERT_EQ(this->stage_.wait_for(1).size(), 1U);
  this->stage_.end_job(1, 0);
  const std::vector<Ended> ends = this->stage_.wait_for(2);
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_EQ(ends[1].key, Stage::key(1));
  EXPECT_EQ(ends[1].end, proto::EXITED);
}

TYPED_TEST(ExecutorContractTest, HasTheCoresThatItWasGiven) {
  EXPECT_EQ(this->stage_.executor().cores(), (std::vector<int>{0, 1}));
}

}  // namespace
}  // namespace lockstep
