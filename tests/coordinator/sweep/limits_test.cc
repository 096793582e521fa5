// The limits of a sweep: time, and cores times time.
#include <gtest/gtest.h>

#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

const Sweep& sweep_of(const SweepWorld& world) {
  return world.state().sweeps[0];
}

// Time passes as the loop lets it: up to what is next, an hour at most.
void pass(SweepWorld& world, std::int64_t until_ms) {
  while (world.now_ms() < until_ms) {
    const auto next = next_time(world.state(), world.now_ms());
    world.pass(std::min(until_ms, next.value_or(until_ms)) - world.now_ms());
    world.plan_all();
  }
}

TEST(Limits, WallSecondsStopRunningAttempts) {
  SweepWorld world(1, 4);
  world.submit(sample_spec("limits { trials: 9 parallel: 2 wall_seconds: 7200 }"));
  const std::int64_t begin = world.now_ms();
  pass(world, begin + 2 * kHourMs - 1);
  EXPECT_EQ(sweep_of(world).state, proto::SWEEP_RUNNING);
  pass(world, begin + 2 * kHourMs);
  EXPECT_EQ(sweep_of(world).state, proto::SWEEP_STOPPING);
  EXPECT_NE(sweep_of(world).reason.find("the limit of 7200 s"), std::string::npos) << sweep_of(world).reason;
  for (const Trial& trial : sweep_of(world).trials) EXPECT_EQ(trial.state, proto::TRIAL_STOPPING);
}

TEST(Limits, CoreHoursStopRunningAttempts) {
  for (const int ranks : {1, 2}) {
    SweepWorld world(1, 4);
    world.submit(sample_spec(fmt::format("limits {{ trials: 9 parallel: 2 core_hours: 6 }} ranks: {}", ranks)));
    const std::int64_t end = world.now_ms() + 6 * kHourMs / (2 * ranks);
    pass(world, end - 1000);
    EXPECT_EQ(sweep_of(world).state, proto::SWEEP_RUNNING);
    pass(world, end);
    EXPECT_EQ(sweep_of(world).state, proto::SWEEP_STOPPING) << ranks;
    EXPECT_NE(sweep_of(world).reason.find("the limit of 6 core-hours"), std::string::npos) << sweep_of(world).reason;
    for (const Trial& trial : sweep_of(world).trials) EXPECT_EQ(trial.state, proto::TRIAL_STOPPING);
  }
}

TEST(Limits, ALimitThatIsNeverReachedIsNotWaitedFor) {
  for (const char* seconds : {"9.3e9", "1e17", "1e300"}) {
    SweepWorld world(1, 4);
    world.submit(sample_spec(fmt::format("limits {{ trials: 1 wall_seconds: {} core_hours: {} }}", seconds, seconds)));
    const auto next = next_time(world.state(), world.now_ms());
    if (next) {
      EXPECT_GT(*next, world.now_ms()) << seconds;
      EXPECT_LT(*next - world.now_ms(), 9'000'000'000'000) << "milliseconds that do not fit as nanoseconds";
    }
    EXPECT_EQ(sweep_of(world).state, proto::SWEEP_RUNNING);
  }
}

// An attempt that ended while the coordinator was away is not charged for the time until it came back.
TEST(Limits, AnAttemptIsChargedForTheTimeItRan) {
  for (const bool known : {true, false}) {
    SweepWorld world(1, 4);
    world.submit(sample_spec("limits { trials: 1 } ranks: 2"));
    world.pass(8 * kHourMs);
    AttemptResult result = end_of(sweep_of(world), sweep_of(world).trials[0], 1);
    if (known) result.seconds = 60;
    world.end(result);
    const double expected = known ? 60 : 8 * 3600;  // a log of version 1 does not say
    EXPECT_EQ(sweep_of(world).core_seconds, 2 * expected);
    EXPECT_EQ(sweep_of(world).trials[0].core_seconds, 2 * expected);
  }
}

TEST(Limits, TheCoordinatorsAbsenceIsCountedWhenAttemptsEnd) {
  SweepWorld world(1, 4);
  world.submit(sample_spec("limits { trials: 1 core_hours: 2 }"));
  const Trial& trial = sweep_of(world).trials[0];
  const std::int64_t planned = world.now_ms();
  const Absence absence{.from_ms = planned + kHourMs, .to_ms = planned + 9 * kHourMs};
  world.pass(9 * kHourMs);
  EXPECT_EQ(live_core_seconds(trial, world.now_ms(), absence), 3600);
  EXPECT_EQ(live_core_seconds(trial, world.now_ms()), 9 * 3600) << "the control";
  EXPECT_EQ(live_core_seconds(trial, world.now_ms(), {.from_ms = 0, .to_ms = planned - 1}), 9 * 3600)
      << "before it was";
  const Answers answers;
  const Resources resources{
      .cores = {}, .new_token = [] { return std::string("token"); }, .answers = answers, .absence = absence};
  EXPECT_TRUE(plan(world.state(), resources, world.now_ms()).events.empty());
  EXPECT_EQ(next_time(world.state(), world.now_ms(), absence), world.now_ms() + kHourMs);
  EXPECT_EQ(plan(world.state(), resources, world.now_ms() + kHourMs).events.size(), 1U);
}

}  // namespace
}  // namespace lockstep
