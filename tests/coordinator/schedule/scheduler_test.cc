// Single answers that no transcript shows well: arithmetic, values that are not finite, broken contracts.
#include "coordinator/schedule/scheduler.h"

#include <limits>

#include <gtest/gtest.h>

#include "coordinator/schedule/rungs.h"
#include "tests/coordinator/schedule/sweep_model.h"

namespace lockstep {
namespace {

using State = TrialProgress::State;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(RungsTest, PowersBelowTheEndAndTheEnd) {
  EXPECT_EQ(rungs(1, 3, 27), (std::vector<int>{1, 3, 9, 27}));
  EXPECT_EQ(rungs(1, 3, 28), (std::vector<int>{1, 3, 9, 27, 28}));
  EXPECT_EQ(rungs(2, 4, 30), (std::vector<int>{2, 8, 30}));
  EXPECT_EQ(rungs(5, 3, 5), (std::vector<int>{5}));
  EXPECT_EQ(rungs(9, 3, 5), (std::vector<int>{5}));
  EXPECT_EQ(rungs(1, 100, std::numeric_limits<int>::max()).back(), std::numeric_limits<int>::max());
}

TEST(RungsTest, OrderIsByValueThenFailureThenNumber) {
  std::vector<Placed> placed{{0, kInfinity}, {1, std::nullopt}, {2, 0.5}, {3, 0.2}, {4, 0.5}, {5, std::nullopt}};
  sort_best_first(placed);
  std::vector<int> order;
  for (const Placed& it : placed) order.push_back(it.trial);
  EXPECT_EQ(order, (std::vector<int>{3, 2, 4, 0, 1, 5}));
}

TEST(ExpectedEpochsTest, ByHand) {
  // 9 trials to epoch 1, 3 on to 3, 1 on to 9.
  EXPECT_EQ(expected_epochs(scheduler_of("successive_halving {}"), 9, 9), 9 + 3 * 2 + 6);
  EXPECT_EQ(expected_epochs(scheduler_of("asha {}"), 9, 9), 9 + 3 * 2 + 6);
  EXPECT_EQ(expected_epochs(scheduler_of("asha { promote: true }"), 9, 9), 9 + 3 * 2 + 6);
  // Brackets of 9, 5 and 3: the first as above, the second 5 to epoch 3 and 1 on to 9, the last 3 to the end.
  EXPECT_EQ(expected_epochs(scheduler_of("hyperband {}"), 17, 9), 21 + 5 * 3 + 6 + 3 * 9);
  EXPECT_EQ(expected_epochs(scheduler_of("median {}"), 9, 9), 81);
  EXPECT_EQ(expected_epochs(scheduler_of(""), 9, 9), 81);
  EXPECT_EQ(expected_epochs(scheduler_of("successive_halving {}"), 0, 9), 0);
}

TEST(CheckTest, MinEpochsAreBelowTheEpochs) {
  for (const char* const kind : {"successive_halving", "asha", "median"}) {
    const proto::Scheduler scheduler = scheduler_of(fmt::format("{} {{ min_epochs: 4 }}", kind));
    Faults none;
    check_scheduler(scheduler, 5, "scheduler", none);
    EXPECT_TRUE(none.empty()) << kind;
    Faults faults;
    check_scheduler(scheduler, 4, "scheduler", faults);
    EXPECT_TRUE(faults.has_at(fmt::format("scheduler.{}.min_epochs", kind))) << kind;
  }
  Faults hyperband;
  check_scheduler(scheduler_of("hyperband { min_epochs: 4 }"), 12, "scheduler", hyperband);
  EXPECT_TRUE(hyperband.empty());
  check_scheduler(scheduler_of("hyperband { min_epochs: 4 }"), 11, "scheduler", hyperband);
  EXPECT_TRUE(hyperband.has_at("scheduler.hyperband.min_epochs"));
  Faults none;
  check_scheduler(scheduler_of("run_to_end {}"), 1, "scheduler", none);
  check_scheduler(scheduler_of(""), 1, "scheduler", none);
  EXPECT_TRUE(none.empty());
}

TEST(NotFiniteTest, NanIsWorstOfAllThatHaveAValue) {
  for (const char* const kind : {"successive_halving {}", "asha { promote: true }"}) {
    SweepModel sweep(scheduler_of(kind), 9, 9);
    for (int trial = 0; trial < 9; ++trial) ASSERT_EQ(sweep.advance().what, Next::What::kCreate);
    for (int trial = 0; trial < 9; ++trial) {
      sweep.report(trial, trial == 8 ? 0.5 : kNan);
      sweep.arrive(trial);
    }
    const Next it = sweep.advance();
    EXPECT_EQ(it.what, Next::What::kResume) << kind;
    EXPECT_EQ(it.trial, 8) << kind;
  }
}

TEST(NotFiniteTest, NanIsStoppedAndInfinityDoesNotConfuseTheMedian) {
  std::vector<TrialProgress> progress(4);
  for (std::size_t i = 0; i < 4; ++i) progress[i].trial = static_cast<int>(i);
  progress[0].values = {kNan};
  progress[1].values = {1};
  progress[2].values = {2};
  progress[3].values = {kInfinity};
  const proto::Scheduler median = scheduler_of("median { min_trials: 3 }");
  EXPECT_TRUE(judge(median, progress, 0, 5).stop);
  EXPECT_FALSE(judge(median, progress, 1, 5).stop);
  const proto::Scheduler asha = scheduler_of("asha { eta: 4 }");
  EXPECT_TRUE(judge(asha, progress, 0, 5).stop);
  EXPECT_FALSE(judge(asha, progress, 1, 5).stop);
}

TEST(MedianTest, OfAnEvenNumberIsTheMeanOfTheMiddleTwo) {
  std::vector<TrialProgress> progress(5);
  for (std::size_t i = 0; i < 5; ++i) progress[i].trial = static_cast<int>(i);
  for (std::size_t i = 1; i < 5; ++i) progress[i].values = {static_cast<double>(i)};  // median 2.5
  const proto::Scheduler median = scheduler_of("median { min_trials: 4 }");
  progress[0].values = {2.5};
  EXPECT_FALSE(judge(median, progress, 0, 5).stop) << "only what is worse is stopped";
  progress[0].values = {2.51};
  EXPECT_TRUE(judge(median, progress, 0, 5).stop);
}

TEST(ContractDeathTest, ProgressIsIndexedByTrialAndPausedTrialsHaveArrived) {
  std::vector<TrialProgress> progress(2);
  EXPECT_DEATH(next({}, progress, 5, 9), "trial 0 at place 1");
  progress[1].trial = 1;
  EXPECT_EQ(next({}, progress, 5, 9).what, Next::What::kCreate);
  progress[1].state = State::kPaused;
  progress[1].until_epoch = 3;
  progress[1].values = {1, 1};
  EXPECT_DEATH(next({}, progress, 5, 9), "trial 1 is paused after 2 epochs and was told 3");
  progress[1].values.push_back(1);
  EXPECT_EQ(next({}, progress, 5, 9).what, Next::What::kCreate);
}

TEST(Rungs, TheLastValueOfATrialThatEndedEarlyCountsAtLaterOnes) {
  TrialProgress trial{.trial = 0, .bracket = 0, .values = {0.5, 0.25}};
  EXPECT_EQ(value_at(trial, 2), 0.25);
  EXPECT_EQ(value_at(trial, 3), std::nullopt) << "it runs";
  trial.state = TrialProgress::State::kFailed;
  EXPECT_EQ(value_at(trial, 3), std::nullopt);
  trial.state = TrialProgress::State::kCompleted;
  EXPECT_EQ(value_at(trial, 1), 0.5);
  EXPECT_EQ(value_at(trial, 3), 0.25);
  EXPECT_EQ(value_at(trial, 9), 0.25);
  trial.values.clear();
  EXPECT_EQ(value_at(trial, 1), std::nullopt);
}

// Of two trials at the first rung the better goes on, though the other was done before it.
TEST(Rungs, ATrialThatEndedEarlyTakesItsPlace) {
  proto::Scheduler scheduler;
  scheduler.mutable_successive_halving()->set_eta(2);
  std::vector<TrialProgress> progress(4);
  for (int i = 0; i < 4; ++i) {
    progress[std::size_t(i)] = {
        .trial = i, .bracket = 0, .state = State::kPaused, .values = {0.1 * i}, .until_epoch = 1};
  }
  progress[0].state = State::kCompleted;  // the best one
  const Next second = next(scheduler, progress, 4, 4);
  EXPECT_EQ(second.what, Next::What::kResume);
  EXPECT_EQ(second.trial, 1);
  progress[1].values.push_back(0.1);
  progress[1].until_epoch = 2;
  const Next after = next(scheduler, progress, 4, 4);
  EXPECT_NE(after.what, Next::What::kWait) << "nothing runs: " << after.reason;
}

}  // namespace
}  // namespace lockstep
