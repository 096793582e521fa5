// Seeded runs of the pure core on a clock that is only a number. What must hold after every step:
//   - a core is held by one attempt at most, and no more trials run than `parallel`
//   - a trial has at most one attempt that has not ended; an ended sweep has none
//   - no more trials than the spec says; an evaluation of each epoch once, in order
//   - every decision has a reason
//   - the log, folded again, gives the same state
//   - a paused trial that may still go on has its newest checkpoint
#include <algorithm>
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "coordinator/sweep/retention.h"
#include "coordinator/sweep/view.h"
#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

// LOCKSTEP_SIMULATION_SEEDS=10000 for a long run.
int seeds() {
  const char* const text = std::getenv("LOCKSTEP_SIMULATION_SEEDS");
  return text == nullptr ? 200 : std::atoi(text);
}
constexpr std::size_t kEvents = 1000;

std::string text_of(const State& state) {
  std::string text;
  for (const Sweep& sweep : state.sweeps) {
    const ViewOptions options{.state_directory = "/state", .cores = 4, .now_ms = 0, .with_spec = true};
    text += view(sweep, options).SerializeAsString();
    for (const Trial& trial : sweep.trials) text += view(sweep, trial, options).SerializeAsString();
    text += checkpoints(sweep, options).SerializeAsString();
  }
  return text;
}

void check_trial(const Sweep& sweep, const Trial& trial, std::set<int>& cores) {
  int live = 0;
  for (const Attempt& attempt : trial.attempts) {
    if (attempt.ended) continue;
    ++live;
    for (const int core : attempt.cores) ASSERT_TRUE(cores.insert(core).second) << "core " << core << " is held twice";
  }
  ASSERT_EQ(live, trial.is_live() ? 1 : 0) << sweep.id << " trial " << trial.number;
  ASSERT_FALSE(trial.choice_reason.empty());
  for (std::size_t i = 0; i < trial.evaluations.size(); ++i) ASSERT_EQ(trial.evaluations[i].epoch(), int(i) + 1);
  if (trial.is_ended() || trial.checkpoints.empty()) return;
  const std::vector<Keep> keeps = retention(sweep, trial);
  ASSERT_FALSE(keeps.empty());
  ASSERT_FALSE(keeps.back().goes) << keeps.back().reason;
  ASSERT_EQ(keeps.back().step, trial.checkpoints.back().step);
}

void check(const State& state) {
  std::set<int> cores;
  for (const Sweep& sweep : state.sweeps) {
    int live = 0;
    for (const Trial& trial : sweep.trials) {
      ASSERT_NO_FATAL_FAILURE(check_trial(sweep, trial, cores));
      live += trial.is_live() ? 1 : 0;
    }
    ASSERT_EQ(live, sweep.live_trials);
    ASSERT_LE(live, sweep.spec.limits().parallel());
    ASSERT_LE(sweep.trials.size(), static_cast<std::size_t>(sweep.spec.limits().trials()));
    if (sweep.is_ended() || sweep.state == proto::SWEEP_PAUSED) {
      ASSERT_EQ(live, 0);
    }
  }
}

proto::SweepSpec spec_of(int seed) {
  const char* const schedulers[] = {"run_to_end {}",
                                    "successive_halving { eta: 3 }",
                                    "asha { eta: 2 }",
                                    "asha { eta: 2 promote: true }",
                                    "median { min_trials: 2 }",
                                    "hyperband { eta: 3 }"};
  const char* const searches[] = {"random {}", "grid { steps: 2 }", "sobol {}", "tpe { startup_trials: 3 }"};
  return sample_spec(
      fmt::format("scheduler {{ {} }} search {{ {} }} limits {{ trials: {} parallel: {} }} ranks: {} seed: {} "
                  "retries {{ limit: 2 }}",
                  schedulers[seed % 6], searches[seed / 6 % 4], 6 + seed % 7, 1 + seed % 3, 1 + seed % 2, seed));
}

void act(SweepWorld& world, std::mt19937_64& chance) {
  proto::ChangeRequest request;
  request.set_sweep(fmt::format("s{}", 1 + chance() % world.state().sweeps.size()));
  request.set_wish(static_cast<proto::Wish>(chance() % 20 == 0 ? 2 : chance() % 2));
  auto events = change(world.state(), request);
  if (events.ok()) world.take(*std::move(events));
  world.plan_all();
}

TEST(Simulation, InvariantsHoldAndTheLogGivesTheState) {
  for (int seed = 0; seed < seeds(); ++seed) {
    SCOPED_TRACE(seed);
    SweepWorld world(static_cast<std::uint64_t>(seed), 4);
    if (seed % 2 == 1) world.answer_late();
    std::mt19937_64 chance(static_cast<std::uint64_t>(seed) + 1);
    world.submit(spec_of(seed));
    world.submit(spec_of(seed + 1));
    for (int step = 0; step < 10'000 && world.log().size() < kEvents; ++step) {
      if (std::all_of(world.state().sweeps.begin(), world.state().sweeps.end(),
                      [](const Sweep& it) { return it.is_ended(); })) {
        world.submit(spec_of(seed + step));
      }
      if (chance() % 25 == 0) act(world, chance);
      world.step(/*failures=*/5);
      ASSERT_NO_FATAL_FAILURE(check(world.state()));
    }
    ASSERT_GE(world.log().size(), kEvents);
    State replayed;
    for (const proto::Event& event : world.log()) apply(replayed, event);
    ASSERT_EQ(text_of(replayed), text_of(world.state()));
    ASSERT_EQ(replayed.revision, static_cast<std::int64_t>(world.log().size()));
  }
}

// What was suggested, promoted and reached does not depend on when attempts end, nor on their failures.
std::string outcome(const char* scheduler, const char* search, std::uint64_t chance, int failures, bool late = false) {
  SweepWorld world(chance, 4);
  if (late) world.answer_late();
  world.submit(
      sample_spec(fmt::format("scheduler {{ {} }} search {{ {} }} limits {{ trials: 12 parallel: 3 }} "
                              "retries {{ limit: 1000 }}",
                              scheduler, search)));
  world.finish(failures);
  std::string text;
  for (const Trial& trial : world.state().sweeps[0].trials) {
    if (trial.state == proto::TRIAL_INFEASIBLE) return "infeasible";  // of chance, not of its parameters
    text += fmt::format("{} {}", name_of(trial.state), trial.evaluations.size());
    for (const proto::Assignment& it : trial.assignments) text += fmt::format(" {}", it.ShortDebugString());
    text += '\n';
  }
  return text;
}

TEST(Simulation, DecisionsDoNotDependOnTiming) {
  for (const auto& [scheduler, search] :
       {std::pair("run_to_end {}", "tpe { startup_trials: 3 }"),
        std::pair("successive_halving { eta: 2 }", "random {}"), std::pair("hyperband { eta: 3 }", "random {}")}) {
    const std::string expected = outcome(scheduler, search, 1, 0);
    for (std::uint64_t chance = 2; chance < 20; ++chance) {
      EXPECT_EQ(outcome(scheduler, search, chance, 0), expected);
      EXPECT_EQ(outcome(scheduler, search, chance, 0, /*late=*/true), expected);
    }
  }
  // The comparison can fail: ASHA decides by who came first.
  std::set<std::string> outcomes;
  for (std::uint64_t chance = 1; chance < 20; ++chance)
    outcomes.insert(outcome("asha { eta: 2 }", "random {}", chance, 0));
  EXPECT_GT(outcomes.size(), 1U);
}

TEST(Simulation, AStaleAttemptIsRefused) {
  SweepWorld world(1, 4);
  world.submit(sample_spec("limits { trials: 1 }"));
  const Sweep& sweep = world.state().sweeps[0];
  proto::AttemptId id;
  id.set_sweep("s1");
  id.set_trial(0);
  id.set_attempt(1);
  id.set_token(sweep.trials[0].live_attempt()->token);
  EXPECT_TRUE(attach(world.state(), id).ok());  // the control
  world.end(end_of(sweep, sweep.trials[0], 137, proto::LOST));
  EXPECT_TRUE(absl::IsPermissionDenied(attach(world.state(), id).status()));
  for (int i = 0; i < 100 && world.state().sweeps[0].trials[0].live_attempt() == nullptr; ++i) world.step(0);
  ASSERT_NE(world.state().sweeps[0].trials[0].live_attempt(), nullptr);
  EXPECT_TRUE(absl::IsPermissionDenied(attach(world.state(), id).status()));
  id.set_attempt(2);
  EXPECT_TRUE(absl::IsPermissionDenied(attach(world.state(), id).status())) << "the old secret";
  id.set_token(world.state().sweeps[0].trials[0].live_attempt()->token);
  EXPECT_TRUE(attach(world.state(), id).ok());
}

}  // namespace
}  // namespace lockstep
