#include "coordinator/sweep/view.h"

#include <gtest/gtest.h>

#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

// A sweep of four trials of nine epochs on two places, each epoch of which takes 10 s.
class EtaTest : public testing::Test {
 protected:
  void submit(const std::string& scheduler) {
    proto::Event event;
    event.set_sweep("s1");
    *event.mutable_sweep_submitted()->mutable_spec() = sample_spec(scheduler + " limits { trials: 4 parallel: 2 }");
    apply(state_, event);
    for (const int trial : {0, 1}) {
      event.mutable_trial_created()->set_trial(trial);
      apply(state_, event);
      event.mutable_attempt_planned()->set_trial(trial);
      event.mutable_attempt_planned()->set_attempt(1);
      event.mutable_attempt_planned()->add_core(trial);
      apply(state_, event);
      change(trial, proto::TRIAL_RUNNING);
    }
  }
  void change(int trial, proto::TrialState to) {
    proto::Event event;
    event.set_sweep("s1");
    event.mutable_trial_changed()->set_trial(trial);
    event.mutable_trial_changed()->set_state(to);
    apply(state_, event);
  }
  void evaluate(int trial, int epochs) {
    proto::Event event;
    event.set_sweep("s1");
    event.mutable_evaluated()->set_trial(trial);
    for (int epoch = 1; epoch <= epochs; ++epoch) {
      event.mutable_evaluated()->set_epoch(epoch);
      apply(state_, event);
    }
  }
  double eta(std::int64_t now_seconds, int cores) {
    const auto it = view(state_.sweeps[0],
                         {.state_directory = "", .cores = cores, .now_ms = 1000 * now_seconds, .with_spec = false});
    return it.has_eta_seconds() ? it.eta_seconds() : -1;
  }

  State state_;
};

TEST_F(EtaTest, CountsEpochs) {
  submit("");
  EXPECT_EQ(eta(20, 2), -1) << "no epoch is known";
  evaluate(0, 2);
  evaluate(1, 2);
  EXPECT_DOUBLE_EQ(eta(20, 2), (7 + 7 + 9 + 9) * 10 / 2.0);
  EXPECT_DOUBLE_EQ(eta(20, 1), (7 + 7 + 9 + 9) * 10) << "one place";
  change(1, proto::TRIAL_FAILED);
  EXPECT_DOUBLE_EQ(eta(20, 2), (7 + 9 + 9) * 10 / 2.0) << "what failed is not trained on";
}

TEST_F(EtaTest, ATrialIsToHaveWhatTheSchedulerMeans) {
  submit("scheduler { asha { eta: 2 } }");
  const double each = expected_epochs(state_.sweeps[0].spec) / 4;
  ASSERT_LT(each, 4);
  evaluate(0, 4);
  evaluate(1, 1);
  EXPECT_DOUBLE_EQ(eta(25, 2), (1 + (each - 1) + 2 * each) * 10 / 2);
}

}  // namespace
}  // namespace lockstep
