// Sweeps whose trials report in random order: what must hold in any order, and that synchronous halving decides the
// same in every order. SweepModel checks each single step besides.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "storage/base/philox.h"
#include "tests/coordinator/schedule/sweep_model.h"

namespace lockstep {
namespace {

using State = TrialProgress::State;

// What trials do, as functions of keys, whatever the order.
struct World {
  std::uint64_t seed = 0;
  std::uint32_t failures_of_100 = 0;  // of the epochs that are begun, and of the stops at a rung
  std::uint32_t values = 1000;        // so many different ones: few make ties

  std::uint32_t draw(std::uint32_t what, int trial, int epoch, std::uint32_t below) const {
    return Philox(seed, Purpose::kSynthetic, what,
                  static_cast<std::uint64_t>(trial) << 32 | static_cast<std::uint32_t>(epoch))
        .below(below);
  }
  double value(int trial, int epoch) const { return draw(0, trial, epoch, values); }
  bool fails_in_epoch(int trial, int epoch) const { return draw(1, trial, epoch, 100) < failures_of_100; }
  bool fails_at_stop(int trial, int epoch) const { return draw(2, trial, epoch, 100) < failures_of_100; }
};

struct Arrivals {
  std::uint64_t seed = 0;
  std::size_t slots = 1;
  std::uint32_t retries_of_100 = 0;  // chance that, after an event, a failed trial is retried by hand
};

struct Outcome {
  bool done = false;
  std::vector<TrialProgress> trials;
  std::multiset<std::string> resumed;  // with the reasons
};

// One event of a running trial.
void happen(SweepModel& sweep, const World& world, int trial) {
  const auto epoch = static_cast<int>(sweep.trial(trial).values.size());
  if (sweep.has_arrived(trial)) {
    world.fails_at_stop(trial, epoch) ? sweep.set_state(trial, State::kFailed) : sweep.arrive(trial);
  } else if (world.fails_in_epoch(trial, epoch + 1)) {
    sweep.set_state(trial, State::kFailed);
  } else {
    sweep.report(trial, world.value(trial, epoch + 1));
  }
}

Outcome play(SweepModel sweep, const World& world, const Arrivals& arrivals) {
  Philox chance(arrivals.seed, Purpose::kSynthetic, 7, arrivals.slots);
  Outcome outcome;
  const int most_events = 4 * sweep.most_trials() * (sweep.max_epochs() + 10);
  int retries = sweep.most_trials();
  for (int event = 0; event < most_events && !outcome.done; ++event) {
    while (sweep.running().size() < arrivals.slots) {
      const Next it = sweep.advance();
      if (it.what == Next::What::kResume)
        outcome.resumed.insert(fmt::format("{} to {}: {}", it.trial, it.until_epoch, it.reason));
      outcome.done = it.what == Next::What::kDone;
      if (outcome.done || it.what == Next::What::kWait) break;
    }
    const std::vector<int> running = sweep.running();
    if (running.empty()) continue;
    happen(sweep, world, running[chance.below(static_cast<std::uint32_t>(running.size()))]);
    for (const TrialProgress& it : sweep.progress()) {
      const bool again = it.state == State::kFailed && retries > 0 && chance.below(100) < arrivals.retries_of_100;
      if (!again) continue;
      --retries;
      // The epoch that failed is passed this time: the same would only happen again.
      sweep.set_state(it.trial, State::kRunning);
      if (!sweep.has_arrived(it.trial)) {
        sweep.report(it.trial, world.value(it.trial, static_cast<int>(it.values.size()) + 1));
      } else {
        sweep.arrive(it.trial);
      }
      break;
    }
  }
  outcome.trials = sweep.progress();
  return outcome;
}

std::string text(const Outcome& outcome) {
  std::string all;
  for (const TrialProgress& it : outcome.trials) {
    all += fmt::format("{} {} {} {}\n", it.trial, static_cast<int>(it.state), it.values.size(), it.until_epoch);
  }
  for (const std::string& it : outcome.resumed) all += it + '\n';
  return all;
}

std::size_t different_outcomes(const std::string& scheduler, int trials, int epochs, const World& world) {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (const std::size_t slots : {1, 2, 5, 100}) {
      const Outcome outcome = play(SweepModel(scheduler_of(scheduler), trials, epochs), world, {seed, slots});
      EXPECT_TRUE(outcome.done);
      found.insert(text(outcome));
    }
  }
  return found.size();
}

TEST(ArrivalOrderTest, SynchronousHalvingDecidesTheSameInEveryOrder) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const std::uint32_t failures : {0, 5, 30}) {
      for (const std::uint32_t values : {3, 1000}) {
        const World world{seed, failures, values};
        EXPECT_EQ(different_outcomes("successive_halving { eta: 3 }", 14, 9, world), 1U) << seed << ' ' << failures;
        EXPECT_EQ(different_outcomes("successive_halving { min_epochs: 2 eta: 2 }", 23, 7, world), 1U)
            << seed << ' ' << failures;
        EXPECT_EQ(different_outcomes("hyperband { eta: 2 }", 21, 9, world), 1U) << seed << ' ' << failures;
      }
    }
  }
}

TEST(ArrivalOrderTest, NegativeControlAshaAndMedianDoNot) {
  const World world{1, 0, 1000};
  EXPECT_GT(different_outcomes("asha { promote: true }", 14, 9, world), 1U);
  EXPECT_GT(different_outcomes("asha {}", 14, 9, world), 1U);
  EXPECT_GT(different_outcomes("median { min_trials: 3 }", 14, 9, world), 1U);
}

// The slots are equal here: what differs is the order alone.
TEST(ArrivalOrderTest, NegativeControlAshaDependsOnTheOrderAlone) {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    found.insert(text(play(SweepModel(scheduler_of("asha { promote: true }"), 14, 9), {1, 0, 1000}, {seed, 4})));
  }
  EXPECT_GT(found.size(), 1U);
}

class AnySchedulerTest : public testing::TestWithParam<const char*> {};

void expect_ended_well(const Outcome& outcome, int most_trials, int max_epochs) {
  ASSERT_TRUE(outcome.done);
  EXPECT_EQ(outcome.trials.size(), static_cast<std::size_t>(most_trials));
  for (const TrialProgress& it : outcome.trials) {
    EXPECT_NE(it.state, State::kRunning) << it.trial;
    // Of the last rung: all that was not failed, or stopped by a verdict, is completed.
    EXPECT_FALSE(it.until_epoch == 0 && it.state == State::kPaused) << it.trial;
    EXPECT_EQ(it.state == State::kCompleted,
              it.values.size() == static_cast<std::size_t>(max_epochs) && it.state != State::kFailed)
        << it.trial;
  }
}

TEST_P(AnySchedulerTest, EndsInAnyOrder) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Philox size(seed, Purpose::kSynthetic, 9, 0);
    const int trials = 1 + static_cast<int>(size.below(40));
    const int epochs = 2 + static_cast<int>(size.below(30));
    const World world{seed, seed % 2 == 0 ? 0 : size.below(40), 2 + size.below(50)};
    const Arrivals arrivals{seed, 1 + size.below(8), seed % 4 == 3 ? 5U : 0U};
    SCOPED_TRACE(fmt::format("seed {}: {} trials, {} epochs, {} slots", seed, trials, epochs, arrivals.slots));
    const Outcome outcome = play(SweepModel(scheduler_of(GetParam()), trials, epochs), world, arrivals);
    expect_ended_well(outcome, trials, epochs);
    if (world.failures_of_100 == 0) {
      EXPECT_TRUE(std::any_of(outcome.trials.begin(), outcome.trials.end(),
                              [](const auto& it) { return it.state == State::kCompleted; }));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, AnySchedulerTest,
                         testing::Values("", "run_to_end {}", "successive_halving {}",
                                         "successive_halving { min_epochs: 2 eta: 2 }", "asha { promote: true }",
                                         "asha { promote: true eta: 2 }", "asha {}", "asha { min_epochs: 2 eta: 4 }",
                                         "median {}", "median { min_trials: 1 }", "hyperband {}",
                                         "hyperband { min_epochs: 2 eta: 2 }"));

std::map<std::size_t, int> trials_by_epochs(const Outcome& outcome) {
  std::map<std::size_t, int> count;
  for (const TrialProgress& it : outcome.trials) ++count[it.values.size()];
  return count;
}

TEST(HalvingSizesTest, AThirdGoesOnFromEachRung) {
  const Outcome outcome = play(SweepModel(scheduler_of("successive_halving {}"), 31, 27), {3, 0, 4}, {3, 4});
  EXPECT_EQ(trials_by_epochs(outcome), (std::map<std::size_t, int>{{1, 21}, {3, 7}, {9, 2}, {27, 1}}));
}

// Li et al. 2018, table 1, with 27 epochs in place of 81: brackets of 27, 12, 6 and 4 trials.
TEST(HyperbandSizesTest, ThePapersBrackets) {
  const Outcome outcome = play(SweepModel(scheduler_of("hyperband {}"), 49, 27), {3, 0, 1000}, {3, 4});
  std::map<int, std::map<std::size_t, int>> count;  // bracket -> epochs -> trials
  for (const TrialProgress& it : outcome.trials) ++count[it.bracket][it.values.size()];
  EXPECT_EQ(count[0], (std::map<std::size_t, int>{{1, 18}, {3, 6}, {9, 2}, {27, 1}}));
  EXPECT_EQ(count[1], (std::map<std::size_t, int>{{3, 8}, {9, 3}, {27, 1}}));
  EXPECT_EQ(count[2], (std::map<std::size_t, int>{{9, 4}, {27, 2}}));
  EXPECT_EQ(count[3], (std::map<std::size_t, int>{{27, 4}}));
}

// The sum of the epochs that are trained is the estimate, whatever the values.
TEST(HalvingSizesTest, ExpectedEpochsAreTrained) {
  for (const char* const kind : {"successive_halving {}", "successive_halving { min_epochs: 2 eta: 2 }",
                                 "run_to_end {}", "hyperband {}", "hyperband { min_epochs: 2 eta: 2 }"}) {
    for (const int trials : {1, 2, 9, 20, 61}) {
      for (const int epochs : {4, 9, 10}) {
        const proto::Scheduler scheduler = scheduler_of(kind);
        const Outcome outcome = play(SweepModel(scheduler, trials, epochs), {5, 0, 100}, {5, 3});
        double trained = 0;
        for (const TrialProgress& it : outcome.trials) trained += static_cast<double>(it.values.size());
        EXPECT_EQ(trained, expected_epochs(scheduler, trials, epochs)) << kind << ' ' << trials << ' ' << epochs;
      }
    }
  }
}

// The best at a rung so far always goes on.
TEST(AshaTest, NeverStopsTheBestOfARung) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const World world{seed, 0, 1000};
    const Outcome outcome = play(SweepModel(scheduler_of("asha {}"), 30, 9), world, {seed, 4});
    for (const std::size_t rung : {1, 3}) {
      const TrialProgress* best = nullptr;
      for (const TrialProgress& it : outcome.trials) {
        if (it.values.size() < rung) continue;
        if (best == nullptr || it.values[rung - 1] < best->values[rung - 1]) best = &it;
      }
      ASSERT_NE(best, nullptr);
      EXPECT_GT(best->values.size(), rung) << "seed " << seed << ", trial " << best->trial;
    }
  }
}

}  // namespace
}  // namespace lockstep
