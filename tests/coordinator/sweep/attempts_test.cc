#include "coordinator/sweep/attempts.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

class AttemptsTest : public testing::Test {
 protected:
  AttemptsTest() { world_.submit(sample_spec("objective { metric: LOSS } limits { trials: 1 } retries { limit: 1 }")); }

  const Sweep& sweep() const { return world_.state().sweeps[0]; }
  const Trial& trial() const { return sweep().trials[0]; }
  void report(int epoch, double loss) {
    proto::ReportRequest request;
    request.mutable_attempt()->set_sweep("s1");
    request.mutable_attempt()->set_trial(0);
    request.mutable_attempt()->set_attempt(trial().live_attempt()->number);
    request.mutable_attempt()->set_token(trial().live_attempt()->token);
    proto::EvalMetric& metric = *request.add_eval();
    metric.set_epoch(epoch);
    metric.set_loss(loss);
    metric.set_accuracy(0.5);
    auto events = lockstep::report(world_.state(), request);
    ASSERT_TRUE(events.ok()) << events.status();
    world_.take(*std::move(events));
  }
  void end(int exit_code) {
    world_.take(attempt_ended(world_.state(),
                              {.sweep = "s1",
                               .trial = 0,
                               .attempt = trial().live_attempt()->number,
                               .end = proto::EXITED,
                               .exit_code = exit_code,
                               .message = "",
                               .evaluations = {},
                               .checkpoints = {}},
                              1'000'000));
  }
  void ask(proto::Wish wish) {
    proto::ChangeRequest request;
    request.set_sweep("s1");
    request.set_wish(wish);
    auto events = change(world_.state(), request);
    ASSERT_TRUE(events.ok()) << events.status();
    world_.take(*std::move(events));
    world_.plan_all();
  }

  SweepWorld world_{1, 4};
};

TEST_F(AttemptsTest, AnEvaluationThatIsNoNumberIsOneAndIsWorst) {
  report(1, std::numeric_limits<double>::infinity());
  ASSERT_EQ(trial().evaluations.size(), 1U);
  EXPECT_TRUE(std::isnan(trial().evaluations[0].loss())) << "as the metrics file has it";
  EXPECT_EQ(best_evaluation(sweep(), trial()), nullptr);
  EXPECT_EQ(best_trial(sweep()), nullptr);
  report(2, 7);
  report(3, std::nan(""));
  report(4, 8);
  ASSERT_EQ(trial().evaluations.size(), 4U) << "none waits for an epoch that was passed over";
  EXPECT_EQ(best_evaluation(sweep(), trial())->epoch(), 2);
}

// SIGUSR1 comes before there is a handler: nothing was trained, so nothing was lost.
TEST_F(AttemptsTest, DeathByTheSignalThatAsksIsNoFailure) {
  for (int i = 0; i < 5; ++i) {
    ask(proto::PAUSE);
    end(138);
    EXPECT_EQ(trial().failures, 0);
    world_.plan_all();
    ASSERT_EQ(sweep().state, proto::SWEEP_PAUSED);
    ask(proto::RESUME);
    ASSERT_EQ(trial().state, proto::TRIAL_RUNNING);
  }
  // The controls: another signal, and one that nobody asked for.
  ask(proto::PAUSE);
  end(139);
  EXPECT_EQ(trial().failures, 1);
  world_.plan_all();
  ask(proto::RESUME);
  end(138);
  EXPECT_EQ(trial().state, proto::TRIAL_FAILED) << "two failures, one more than the limit";
}

}  // namespace
}  // namespace lockstep
