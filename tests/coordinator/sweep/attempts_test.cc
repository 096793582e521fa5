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
  static proto::EvalMetric metric(int epoch, double loss) { return eval_metric(epoch, loss, 0.5); }
  // What the coordinator has of the trial's losses; -1: it knows that it was lost.
  std::vector<double> losses() const {
    std::vector<double> all;
    for (const proto::Evaluated& it : trial().evaluations) all.push_back(std::isnan(it.loss()) ? -1 : it.loss());
    return all;
  }
  void report(int epoch, double loss) { report(std::vector{metric(epoch, loss)}); }
  void report(const std::vector<proto::EvalMetric>& metrics) {
    proto::ReportRequest request = report_of(sweep(), trial());
    request.mutable_eval()->Add(metrics.begin(), metrics.end());
    world_.report(request);
  }
  void end(int exit_code, std::vector<proto::EvalMetric> in_the_file = {}) {
    AttemptResult result = end_of(sweep(), trial(), exit_code);
    result.evaluations = std::move(in_the_file);
    world_.end(result);
  }
  void ask(proto::Wish wish) { world_.ask("s1", wish); }

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

TEST_F(AttemptsTest, AnEvaluationThatIsLostIsNotWaitedFor) {
  report(1, 7);
  report(3, 5);  // evaluations are told in order: nobody has the second any more
  EXPECT_EQ(losses(), (std::vector<double>{7, -1, 5}));
  report(2, 6);
  EXPECT_EQ(losses(), (std::vector<double>{7, -1, 5})) << "each comes once";
  report(4, 4);
  EXPECT_EQ(losses(), (std::vector<double>{7, -1, 5, 4}));
  EXPECT_EQ(best_evaluation(sweep(), trial())->epoch(), 4);
  report(1'000'000'000, 1);  // nor are epochs that there are not
  report(0, 1);
  report(-1, 1);
  EXPECT_EQ(losses().size(), 4U);
}

TEST_F(AttemptsTest, ALineThatWasLostIsToldByTheNextAttempt) {
  end(1, {metric(1, 7), metric(3, 5)});
  EXPECT_EQ(losses(), std::vector<double>{7}) << "the checkpoint may hold the second";
  for (int i = 0; i < 100 && trial().live_attempt() == nullptr; ++i) world_.step(0);
  report({metric(1, 7), metric(2, 6), metric(3, 5)});
  EXPECT_EQ(losses(), (std::vector<double>{7, 6, 5}));
  end(0, {metric(1, 7), metric(2, 6), metric(5, 3), metric(9, 1)});
  EXPECT_EQ(losses().size(), 9U) << "an attempt that is done has told all there is";
  EXPECT_EQ(losses()[8], 1);
  EXPECT_EQ(losses()[7], -1);
  EXPECT_EQ(trial().state, proto::TRIAL_COMPLETED);
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
