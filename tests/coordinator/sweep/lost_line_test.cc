// Evaluations that are lost on their way, in seeded runs: reports that nobody took, lines that were not on disk, kills.
#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

constexpr int kSeeds = 200;

// A trial of nine epochs that is killed now and then. Its checkpoint holds all evaluations and each attempt tells them,
// or, as one of before did, only those that it makes itself.
class LossyTrial {
 public:
  LossyTrial(int seed, bool checkpoint_holds_all)
      : world_(static_cast<std::uint64_t>(seed), 4),
        chance_(static_cast<std::uint64_t>(seed)),
        holds_all_(checkpoint_holds_all) {
    world_.submit(sample_spec("objective { metric: LOSS } limits { trials: 1 } retries { limit: 1000 }"));
  }

  const Sweep& sweep() const { return world_.state().sweeps[0]; }
  const Trial& trial() const { return sweep().trials[0]; }
  bool passed_over() const { return passed_over_; }
  int last_told() const { return last_told_; }

  void run() {
    for (int i = 0; i < 1000 && !trial().is_ended(); ++i) {
      if (trial().live_attempt() == nullptr) {
        world_.step(0);
        if (trial().live_attempt() != nullptr && holds_all_) tell(1);
      } else if (epochs_ == sweep().epochs()) {
        if (holds_all_) tell(1);
        end(0);
      } else if (chance_() % 5 == 0) {
        end(1);
      } else {
        ++epochs_;
        const bool lost = chance_() % 3 == 0;
        passed_over_ |= lost && epochs_ < sweep().epochs();
        if (!lost) tell(holds_all_ ? 1 : epochs_);  // what was not taken is told again, by those who have it
      }
    }
  }

 private:
  static proto::EvalMetric metric(int epoch) { return eval_metric(epoch, epoch, 0.5); }
  void tell(int first) {
    proto::ReportRequest request = report_of(sweep(), trial());
    for (int epoch = first; epoch <= epochs_; ++epoch) *request.add_eval() = metric(epoch);
    world_.report(request);
    last_told_ = epochs_;
  }
  void end(int exit_code) {
    AttemptResult result = end_of(sweep(), trial(), exit_code);
    for (int epoch = 1; epoch <= epochs_; ++epoch) {
      if (chance_() % 2 == 0) result.evaluations.push_back(metric(epoch));
    }
    world_.end(result);
  }

  SweepWorld world_;
  std::mt19937_64 chance_;
  const bool holds_all_;
  int epochs_ = 0;
  int last_told_ = 0;
  bool passed_over_ = false;
};

TEST(LostLine, NoneIsLostWhenTheCheckpointHoldsAll) {
  int passed_over = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    LossyTrial it(seed, /*checkpoint_holds_all=*/true);
    it.run();
    ASSERT_EQ(it.trial().state, proto::TRIAL_COMPLETED) << "seed " << seed;
    ASSERT_EQ(it.trial().evaluations.size(), 9U) << "seed " << seed;
    for (const proto::Evaluated& evaluated : it.trial().evaluations) {
      ASSERT_EQ(evaluated.loss(), evaluated.epoch()) << "seed " << seed;
    }
    passed_over += it.passed_over() ? 1 : 0;
  }
  EXPECT_GT(passed_over, kSeeds / 2) << "the control: lines do get lost";
}

TEST(LostLine, NoTrialOfBeforeIsWedged) {
  int with_a_gap = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    LossyTrial it(seed, /*checkpoint_holds_all=*/false);
    it.run();
    ASSERT_EQ(it.trial().state, proto::TRIAL_COMPLETED) << "seed " << seed;
    ASSERT_GE(static_cast<int>(it.trial().evaluations.size()), it.last_told()) << "seed " << seed;
    const auto& all = it.trial().evaluations;
    with_a_gap += std::any_of(all.begin(), all.end(), [](const auto& e) { return !(e.loss() == e.epoch()); }) ? 1 : 0;
  }
  EXPECT_GT(with_a_gap, kSeeds / 2) << "the control: there are gaps that will never be filled";
}

}  // namespace
}  // namespace lockstep
