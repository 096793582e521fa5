// The coordinator pauses, as by SIGSTOP, a slow sync or a round that takes long: attempts that told all the time, but
// to nobody, are not ended. A trainer that has stopped is. The control is a coordinator that counts its pauses.
#include <chrono>
#include <functional>
#include <utility>

#include <gtest/gtest.h>

#include "tests/coordinator/loop/loop_scene.h"
#include "tests/coordinator/loop/store_doubles.h"
#include "tests/coordinator/sweep/sweep_world.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLease(8000), kTick(100), kHeartbeat(1000);
constexpr milliseconds kReconnects(1100);  // what a trainer needs, whose call was not answered in time

// Its commits take as long as it is told.
class SlowStore : public StoreDouble {
 public:
  SlowStore(std::unique_ptr<Store> real, std::function<void()> during_commit)
      : StoreDouble(std::move(real)), during_commit_(std::move(during_commit)) {}
  StatusOr<std::vector<Status>> commit(std::span<Commit> commits) override {
    during_commit_();
    return real_->commit(commits);
  }

 private:
  std::function<void()> during_commit_;
};

// Two trials whose trainers tell that they live once a heartbeat.
class PauseTest : public testing::Test {
 protected:
  PauseTest() {
    scene_ = open_coordinator(
        directory_.path(),
        std::make_unique<SlowStore>(make_memory_store(), [this] { time_.pass(std::exchange(commit_takes_, {})); }),
        [](OnEnded on_ended) {
          return std::make_unique<FakeExecutor>(std::vector<int>{0, 1, 2, 3}, std::move(on_ended));
        },
        time_.outside());
    submit("limits { trials: 2 parallel: 2 } retries { lease_seconds: 8 }");
    EXPECT_EQ(scene_.executor->under_way().size(), 2U);
  }

  void decide(std::function<Status(Coordinator::Desk&)> work) {
    EXPECT_TRUE(scene_.coordinator->post(std::move(work), [](const Status& status) { EXPECT_TRUE(status.ok()); }));
  }
  void submit(const std::string& spec) {
    decide([spec](Coordinator::Desk& desk) -> Status {
      ASSIGN_OR_RETURN(desk.commit.events, lockstep::submit(desk.state, sample_spec(spec)));
      return OkStatus();
    });
    step();
  }
  void step() { EXPECT_TRUE(scene_.coordinator->step().ok()); }
  void report(int trial) {
    decide([trial](Coordinator::Desk& desk) {
      desk.heard = {.key = {"s1", trial, 1}, .seq = 0};
      return OkStatus();
    });
  }
  void all_report() {
    report(0);
    report(1);
  }

  // Rounds while the first `trainers` live.
  void run(milliseconds span, int trainers = 2) {
    for (milliseconds gone(0); gone < span; gone += kTick) {
      if (gone % kHeartbeat == milliseconds(0)) {
        for (int trial = 0; trial < trainers; ++trial) report(trial);
      }
      time_.pass(kTick);
      step();
    }
  }
  std::size_t fenced() const { return scene_.executor->killed().size(); }

  const TemporaryDirectory directory_;
  VirtualTime time_;
  milliseconds commit_takes_{};
  LoopScene scene_;
};

TEST_F(PauseTest, ReportsThatWaitedCount) {
  for (int pause = 0; pause < 20; ++pause) {
    run(milliseconds(2500));
    time_.pass(3 * kLease);
    all_report();
    step();
    EXPECT_EQ(fenced(), 0U) << "pause " << pause;
  }
}

TEST_F(PauseTest, TrainersHaveTimeToConnectAgain) {
  for (int pause = 0; pause < 20; ++pause) {
    run(milliseconds(2500));
    time_.pass(3 * kLease);
    for (milliseconds gone(0); gone < kReconnects; gone += kTick) {
      step();
      time_.pass(kTick);
    }
    EXPECT_EQ(fenced(), 0U) << "pause " << pause;
  }
}

TEST_F(PauseTest, ASlowSyncIsOne) {
  for (int pause = 0; pause < 20; ++pause) {
    run(milliseconds(2500));
    commit_takes_ = 3 * kLease;
    submit("limits { trials: 1 } retries { lease_seconds: 86400 }");  // whose trainer tells nothing
    EXPECT_EQ(commit_takes_, milliseconds(0));
    EXPECT_EQ(fenced(), 0U) << "pause " << pause;
  }
}

// More reports than a round took once, the two at their end.
TEST_F(PauseTest, ReportsBehindManyOthersCount) {
  run(milliseconds(2500));
  for (int round = 0; round < 20; ++round) {
    time_.pass(3 * kLease);
    for (int i = 0; i < 9000; ++i) decide([](Coordinator::Desk&) { return OkStatus(); });
    all_report();
    step();
  }
  EXPECT_EQ(fenced(), 0U);
}

TEST_F(PauseTest, TimeToStopAtACheckpointIsNotUsedUp) {
  run(milliseconds(2500));
  decide([](Coordinator::Desk& desk) -> Status {
    proto::ChangeRequest request;
    request.set_sweep("s1");
    request.set_wish(proto::PAUSE);
    ASSIGN_OR_RETURN(desk.commit.events, change(desk.state, request));
    return OkStatus();
  });
  step();
  for (int pause = 0; pause < 4; ++pause) {
    time_.pass(3 * kLease);
    all_report();
    step();
  }
  EXPECT_EQ(fenced(), 0U);
  run(milliseconds(20'000));  // alive, but they do not stop
  EXPECT_EQ(fenced(), 2U);
}

TEST_F(PauseTest, AStoppedTrainerIsFenced) {
  run(milliseconds(2500));
  run(kLease - milliseconds(1000), 1);
  EXPECT_EQ(fenced(), 0U);
  run(milliseconds(2000), 1);
  ASSERT_EQ(fenced(), 1U);
  EXPECT_EQ(scene_.executor->killed()[0], (std::pair(AttemptKey{"s1", 1, 1}, proto::FENCED)));
}

TEST_F(PauseTest, AStoppedTrainerIsFencedThoughTheCoordinatorPauses) {
  for (int pause = 0; pause < 20 && fenced() == 0; ++pause) {
    run(milliseconds(500), 1);
    time_.pass(3 * kLease);
    report(0);
    step();
  }
  ASSERT_EQ(fenced(), 1U);
  EXPECT_EQ(scene_.executor->killed()[0].first, (AttemptKey{"s1", 1, 1}));
}

// What a coordinator sees that counts its pauses: time goes by round after round, and nobody tells.
TEST_F(PauseTest, TheControlFencesHealthyAttempts) {
  run(milliseconds(2500));
  run(3 * kLease, 0);
  EXPECT_EQ(fenced(), 2U);
}

}  // namespace
}  // namespace lockstep
