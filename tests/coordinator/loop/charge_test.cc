// What an attempt costs its sweep: the time that its end tells, and none of that in which no coordinator was there.
#include <chrono>
#include <functional>
#include <utility>

#include <gtest/gtest.h>

#include "tests/coordinator/loop/loop_scene.h"
#include "tests/coordinator/sweep/sweep_world.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

class ChargeTest : public testing::Test {
 protected:
  ChargeTest() { open(); }

  void open() {
    scene_.coordinator.reset();
    scene_ = open_coordinator(
        directory_.path(), open_store(directory_ / "log.sqlite"),
        [this](OnEnded on_ended) {
          on_ended_ = on_ended;
          return std::make_unique<FakeExecutor>(std::vector<int>{0, 1, 2, 3}, std::move(on_ended));
        },
        time_.outside());
  }
  // The sweep after one more round.
  Sweep round(std::function<Status(Coordinator::Desk&)> decide = [](Coordinator::Desk&) { return OkStatus(); }) {
    EXPECT_TRUE(scene_.coordinator->post(std::move(decide), [](const Status& status) { EXPECT_TRUE(status.ok()); }));
    EXPECT_TRUE(scene_.coordinator->step().ok());
    Sweep sweep;
    const auto look = [&](Coordinator::Desk& desk) {
      sweep = desk.state.sweeps[0];
      return OkStatus();
    };
    EXPECT_TRUE(scene_.coordinator->post(look, [](const Status&) {}));
    EXPECT_TRUE(scene_.coordinator->step().ok());
    return sweep;
  }
  Sweep submit(const std::string& more) {
    return round([&](Coordinator::Desk& desk) -> Status {
      ASSIGN_OR_RETURN(desk.commit.events, lockstep::submit(desk.state, sample_spec(more)));
      return OkStatus();
    });
  }

  const TemporaryDirectory directory_;
  VirtualTime time_;
  OnEnded on_ended_;
  LoopScene scene_;
};

TEST_F(ChargeTest, AnEndTellsHowLongTheAttemptRan) {
  ASSERT_EQ(submit("limits { trials: 1 }").live_trials, 1);
  time_.pass(std::chrono::hours(8));
  on_ended_({.key = {"s1", 0, 1}, .end = proto::EXITED, .exit_code = 1, .message = "", .seconds = 60});
  EXPECT_EQ(round().core_seconds, 60);
}

TEST_F(ChargeTest, ANightWithoutACoordinatorReachesNoLimit) {
  ASSERT_EQ(submit("limits { trials: 1 core_hours: 2 }").live_trials, 1);
  time_.pass(std::chrono::hours(9));
  open();
  EXPECT_EQ(round().state, proto::SWEEP_RUNNING);
  time_.pass(std::chrono::hours(2));
  EXPECT_EQ(round().state, proto::SWEEP_STOPPING) << "the control";
}

}  // namespace
}  // namespace lockstep
