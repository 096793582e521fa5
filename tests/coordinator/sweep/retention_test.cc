#include "coordinator/sweep/retention.h"

#include <algorithm>
#include <ctime>

#include <gtest/gtest.h>

#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

std::vector<std::int64_t> staying(const Sweep& sweep, const Trial& trial) {
  std::vector<std::int64_t> steps;
  for (const Keep& keep : retention(sweep, trial)) {
    EXPECT_FALSE(keep.reason.empty());
    if (!keep.goes) steps.push_back(keep.step);
  }
  return steps;
}

TEST(Retention, KeepsTheNewestTheBestAndWhatIsPinned) {
  SweepWorld world(1, 4);
  world.submit(sample_spec("limits { trials: 1 }"));
  while (world.state().sweeps[0].trials[0].evaluations.size() < 6) world.step(0);
  const Sweep& sweep = world.state().sweeps[0];
  const Trial& trial = sweep.trials[0];
  const std::int64_t best = best_evaluation(sweep, trial)->step();
  EXPECT_EQ(staying(sweep, trial), best == 60 ? std::vector<std::int64_t>{60} : (std::vector<std::int64_t>{best, 60}));
  proto::PinRequest request;
  request.set_sweep("s1");
  request.set_step(best == 20 ? 30 : 20);
  auto events = pin(world.state(), request);
  ASSERT_TRUE(events.ok()) << events.status();
  world.take(*std::move(events));
  const auto kept = staying(sweep, trial);
  EXPECT_NE(std::find(kept.begin(), kept.end(), request.step()), kept.end());
  world.take(deletions(sweep, retention(sweep)));
  EXPECT_EQ(retention(sweep, trial).size(), kept.size());
  request.set_step(best == 40 || kept.back() == 40 ? 50 : 40);
  EXPECT_TRUE(absl::IsNotFound(pin(world.state(), request).status())) << "it was deleted";
}

TEST(Retention, AnEndedSweepKeepsItsBestTrials) {
  SweepWorld world(1, 4);
  world.submit(sample_spec("limits { trials: 5 parallel: 2 } retention { keep_best_trials: 2 }"));
  world.finish(0);
  const Sweep& sweep = world.state().sweeps[0];
  ASSERT_EQ(sweep.state, proto::SWEEP_COMPLETED);
  int kept = 0;
  for (const Trial& trial : sweep.trials) kept += staying(sweep, trial).empty() ? 0 : 1;
  EXPECT_EQ(kept, 2);
  EXPECT_FALSE(staying(sweep, *best_trial(sweep)).empty());
}

// An ended sweep of so many trials, each with an evaluation and a checkpoint, of which it keeps half. The ties are
// many.
Sweep ended_sweep(int trials) {
  Sweep sweep;
  sweep.spec = sample_spec("");
  sweep.spec.mutable_retention()->set_keep_best_trials(trials / 2);
  sweep.state = proto::SWEEP_COMPLETED;
  for (int number = 0; number < trials; ++number) {
    Trial& trial = sweep.trials.emplace_back();
    trial.number = number;
    trial.state = proto::TRIAL_COMPLETED;
    trial.evaluations.emplace_back().set_epoch(1);
    trial.evaluations.back().set_step(10);
    trial.evaluations.back().set_accuracy(0.001 * (number * 7919 % 1000));
    trial.checkpoints.push_back(
        {.attempt = 1, .step = 10, .parent_step = {}, .path = "", .pinned = false, .deleted = false});
  }
  return sweep;
}

// Processor time of this thread, which others on the machine do not lengthen.
double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST(Retention, TheEndOfASweepTakesTimeInProportionToItsTrials) {
  const Sweep sweeps[] = {ended_sweep(100'000), ended_sweep(200'000)};
  double seconds[] = {1e9, 1e9};  // the shortest of some, in turns
  for (int i = 0; i < 14; ++i) {
    const double begin = cpu_seconds();
    const std::size_t going = deletions(sweeps[i % 2], retention(sweeps[i % 2])).size();
    seconds[i % 2] = std::min(seconds[i % 2], cpu_seconds() - begin);
    ASSERT_EQ(going, sweeps[i % 2].trials.size() / 2);
  }
  fmt::print("retention: 100,000 trials {:.3f} s, 200,000 trials {:.3f} s: {:.2f} times\n", seconds[0], seconds[1],
             seconds[1] / seconds[0]);
  EXPECT_LE(seconds[1] / seconds[0], 2.5);
}

// The best are those that a comparison of each with each other gives.
TEST(Retention, EqualTrialsStayByTheirNumbers) {
  const Sweep sweep = ended_sweep(3000);
  const Retention retention(sweep);
  for (const Trial& trial : sweep.trials) {
    int better = 0;
    for (const Trial& other : sweep.trials) {
      const double difference = other.evaluations[0].accuracy() - trial.evaluations[0].accuracy();
      better += difference > 0 || (difference == 0 && other.number < trial.number) ? 1 : 0;
    }
    ASSERT_EQ(retention.of(trial)[0].goes, better >= 1500) << trial.number;
  }
}

}  // namespace
}  // namespace lockstep
