#include "coordinator/sweep/retention.h"

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

}  // namespace
}  // namespace lockstep
