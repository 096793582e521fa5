// A coordinator whose disk has no room: it answers, takes reports, collects, and starts nothing until there is room.
#include <gtest/gtest.h>

#include "coordinator/loop/reports.h"
#include "coordinator/sweep/retention.h"
#include "tests/coordinator/loop/loop_scene.h"
#include "tests/coordinator/sweep/sweep_world.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

using std::chrono::milliseconds;

// Some attempts run already, whoever started them.
class EarlierAttempts : public FakeExecutor {
 public:
  EarlierAttempts(OnEnded on_ended, std::set<int> trials)
      : FakeExecutor({0, 1, 2, 3}, std::move(on_ended)), trials_(std::move(trials)) {}
  bool was_started(const std::filesystem::path& directory) const override {
    const std::string name = directory.parent_path().filename();
    return FakeExecutor::was_started(directory) || trials_.contains(name.back() - '0');
  }

 private:
  const std::set<int> trials_;
};

class HoldingTest : public testing::Test {
 protected:
  HoldingTest() { open({}); }

  // Attempts of these trials run already.
  void open(const std::set<int>& trials) {
    scene_.coordinator.reset();
    Outside outside = time_.outside();
    outside.room = [this] { return room_; };
    outside.log_there = [this] { return log_; };
    scene_ = open_coordinator(
        directory_.path(), open_store(directory_ / "log.sqlite"),
        [&](OnEnded on_ended) { return std::make_unique<EarlierAttempts>(std::move(on_ended), trials); }, outside);
  }
  void round(std::function<Status(Coordinator::Desk&)> decide = [](Coordinator::Desk&) { return OkStatus(); }) {
    EXPECT_TRUE(scene_.coordinator->post(std::move(decide), [](const Status& status) { EXPECT_TRUE(status.ok()); }));
    time_.pass(milliseconds(1000));
    EXPECT_TRUE(scene_.coordinator->step().ok());
  }
  void submit() {
    round([](Coordinator::Desk& desk) -> Status {
      ASSIGN_OR_RETURN(desk.commit.events,
                       lockstep::submit(desk.state, sample_spec("limits { trials: 3 parallel: 2 } "
                                                                "retries { lease_seconds: 8 backoff_seconds: 0 }")));
      return OkStatus();
    });
  }
  std::size_t started() const { return scene_.executor->started().size(); }
  std::string holding() const { return scene_.coordinator->view_options().holding; }

  const TemporaryDirectory directory_;
  const Status no_room_ = absl::ResourceExhaustedError("the disk is full");
  Status room_;
  Status log_;
  VirtualTime time_;
  LoopScene scene_;
};

TEST_F(HoldingTest, TheRoundThatFindsTheLogGoneEndsTheLoop) {
  round();
  log_ = io_error("the log is gone");
  Status answer;
  const auto submit = [](Coordinator::Desk& desk) -> Status {
    ASSIGN_OR_RETURN(desk.commit.events, lockstep::submit(desk.state, sample_spec("limits { trials: 3 }")));
    return OkStatus();
  };
  ASSERT_TRUE(scene_.coordinator->post(submit, [&](const Status& status) { answer = status; }));
  EXPECT_EQ(scene_.coordinator->step(), log_);
  EXPECT_TRUE(absl::IsUnavailable(answer)) << answer;
  EXPECT_EQ(started(), 0U);
}

TEST_F(HoldingTest, NothingIsStartedUntilThereIsRoom) {
  room_ = no_room_;
  submit();
  for (int i = 0; i < 20; ++i) round();
  EXPECT_EQ(started(), 0U);
  EXPECT_EQ(holding(), "the disk is full");
  room_ = OkStatus();
  round();
  EXPECT_EQ(started(), 2U);
  EXPECT_EQ(holding(), "");
}

TEST_F(HoldingTest, WhatRunsIsHeardAndCollected) {
  submit();
  ASSERT_EQ(started(), 2U);
  room_ = no_room_;
  proto::ReportRequest request;
  round([&](Coordinator::Desk& desk) {
    request.mutable_attempt()->set_sweep("s1");
    request.mutable_attempt()->set_trial(0);
    request.mutable_attempt()->set_attempt(1);
    request.mutable_attempt()->set_token(desk.state.sweeps[0].trials[0].live_attempt()->token);
    return OkStatus();
  });
  for (int epoch = 1; epoch <= 2; ++epoch) {
    request.set_seq(epoch);
    request.clear_eval();
    proto::EvalMetric& it = *request.add_eval();
    it.set_epoch(epoch);
    it.set_step(10 * epoch);
    it.set_loss(1);
    it.set_accuracy(0.1 * epoch);
    request.add_checkpoint()->set_step(10 * epoch);
    round([&](Coordinator::Desk& desk) { return take_report(desk, request); });
  }
  scene_.executor->end_with_code({"s1", 0, 1}, 75);
  scene_.executor->deliver();
  round();
  EXPECT_EQ(started(), 2U) << "it would go on";
  const State state = [&] {
    scene_.coordinator.reset();
    return state_in(directory_ / "log.sqlite");
  }();
  const Trial& trial = state.sweeps[0].trials[0];
  EXPECT_EQ(trial.state, proto::TRIAL_WAITING);
  ASSERT_EQ(trial.evaluations.size(), 2U);
  ASSERT_EQ(trial.checkpoints.size(), 2U);
  EXPECT_TRUE(trial.checkpoints[0].deleted) << "the disk needs the room";
}

// Planned, and the coordinator died before it was started. It waits without a lease.
TEST_F(HoldingTest, WhatWasPlannedAndNotStartedWaits) {
  submit();
  const std::map<AttemptKey, FakeExecutor::Started> before = scene_.executor->under_way();
  room_ = no_room_;
  open({1});
  for (int i = 0; i < 5; ++i) round();
  ASSERT_EQ(started(), 1U);
  EXPECT_EQ(scene_.executor->started()[0].trial, 1) << "it runs, and is taken up";
  for (int i = 0; i < 20; ++i) round();
  ASSERT_EQ(scene_.executor->killed().size(), 1U);
  EXPECT_EQ(scene_.executor->killed()[0].first.trial, 1) << "it tells nothing";
  room_ = OkStatus();
  round();
  ASSERT_EQ(scene_.executor->started().size(), 2U);
  const AttemptKey waited{"s1", 0, 1};
  EXPECT_EQ(scene_.executor->under_way().at(waited).attempt.token(), before.at(waited).attempt.token());
}

// The control.
TEST_F(HoldingTest, WithRoomAllIsStarted) {
  submit();
  open({});
  round();
  EXPECT_EQ(started(), 2U);
}

}  // namespace
}  // namespace lockstep
