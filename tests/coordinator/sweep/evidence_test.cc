#include "coordinator/sweep/evidence.h"

#include <set>

#include <gtest/gtest.h>

#include "coordinator/sweep/plan.h"
#include "tests/coordinator/sweep/sweep_world.h"

namespace lockstep {
namespace {

// A sweep of nine epochs whose trials have these accuracies after epoch 1, 2, ...
Sweep sweep_of(const std::string& scheduler, const std::vector<std::vector<double>>& accuracies) {
  Sweep sweep;
  sweep.spec =
      sample_spec("search { tpe { startup_trials: 4 } } scheduler { " + scheduler + " } limits { trials: 90 }");
  for (const std::vector<double>& values : accuracies) {
    Trial& trial = sweep.trials.emplace_back();
    trial.number = static_cast<int>(sweep.trials.size()) - 1;
    trial.state = values.size() == 9 ? proto::TRIAL_COMPLETED : proto::TRIAL_STOPPED;
    for (const double value : values) {
      proto::Evaluated& it = trial.evaluations.emplace_back();
      it.set_epoch(static_cast<int>(trial.evaluations.size()));
      it.set_accuracy(value);
      it.set_loss(1);
    }
  }
  return sweep;
}

// "-0.5 - x": values, pending, failed.
std::string text_of(const Evidence& evidence) {
  std::string text;
  for (const Observation& it : evidence.trials) {
    text += text.empty() ? "" : " ";
    text += it.state == Observation::State::kDone     ? fmt::format("{}", it.value)
            : it.state == Observation::State::kFailed ? "x"
                                                      : "-";
  }
  return text;
}

const std::vector<double> kFast = {0.9, 0.1, 0.1};  // good after one epoch only
const std::vector<double> kSlow = {0.1, 0.5, 0.6};
const std::vector<double> kWhole = {0.1, 0.7, 0.3, 0.8, 0.8, 0.8, 0.8, 0.8, 0.9};

TEST(Evidence, OfRungsIsTheBestUpToTheHighestThatEnoughHaveReached) {
  // Three parameters: five are enough. Rungs are 1, 3 and 9 epochs.
  Sweep sweep = sweep_of("asha { eta: 3 }", {kFast, kSlow, {0.2}, kWhole, kSlow, {0.3}, kSlow, {}});
  EXPECT_EQ(text_of(evidence(sweep, 8)), "-0.9 -0.6 - -0.7 -0.6 - -0.6 -");
  EXPECT_EQ(evidence(sweep, 8).basis, "values at rung 1 (3 epochs), where 5 trials have one");
  // One that failed is none of them, whatever it had reached.
  sweep.trials[4].state = proto::TRIAL_FAILED;
  EXPECT_EQ(text_of(evidence(sweep, 8)), "-0.9 -0.1 -0.2 -0.1 x -0.3 -0.1 -");
  EXPECT_EQ(evidence(sweep, 8).basis, "values at rung 0 (1 epoch), where 6 trials have one");
  for (int i = 0; i < 3; ++i) sweep.trials[static_cast<std::size_t>(i)].evaluations.clear();
  EXPECT_EQ(text_of(evidence(sweep, 8)), "- - - - x - - -");
  EXPECT_EQ(evidence(sweep, 8).basis, "no rung has 5 values yet");
}

TEST(Evidence, OfTrialsThatEndedEarlyCountsAtLaterRungs) {
  Sweep sweep = sweep_of("asha { eta: 3 }", {kFast, kSlow, kSlow, kSlow, kWhole});
  EXPECT_EQ(evidence(sweep, 5).basis, "values at rung 1 (3 epochs), where 5 trials have one");
  for (std::size_t i = 0; i < 4; ++i) sweep.trials[i].state = proto::TRIAL_COMPLETED;
  EXPECT_EQ(evidence(sweep, 5).basis, "values at rung 2 (9 epochs), where 5 trials have one");
  EXPECT_EQ(text_of(evidence(sweep, 5)), "-0.9 -0.6 -0.6 -0.6 -0.9");
}

TEST(Evidence, TheSearchSaysHowManyAreEnough) {
  Sweep sweep = sweep_of("successive_halving { eta: 3 }", {kWhole, kWhole, kWhole, kWhole, kWhole, kSlow, kSlow});
  EXPECT_EQ(text_of(evidence(sweep, 7)), "-0.9 -0.9 -0.9 -0.9 -0.9 - -");
  sweep.spec.mutable_search()->mutable_tpe()->set_startup_trials(6);
  EXPECT_EQ(text_of(evidence(sweep, 7)), "-0.7 -0.7 -0.7 -0.7 -0.7 -0.6 -0.6");
  sweep.spec.mutable_search()->mutable_gp()->set_startup_trials(8);
  EXPECT_EQ(text_of(evidence(sweep, 7)), "- - - - - - -");
}

TEST(Evidence, ARungWithoutANumberIsAFailure) {
  Sweep sweep = sweep_of("asha { eta: 3 }", {kSlow, kSlow, kSlow, kSlow, kSlow, {NAN, NAN, NAN}});
  EXPECT_EQ(text_of(evidence(sweep, 6)), "-0.6 -0.6 -0.6 -0.6 -0.6 inf");  // the search takes it for one
}

TEST(Evidence, OfHyperbandIsComparedOverBrackets) {
  Sweep sweep = sweep_of("hyperband { eta: 3 }", {kFast, kSlow, {0.2}, kWhole, kSlow, kSlow});
  sweep.trials[5].bracket = 1;
  EXPECT_EQ(text_of(evidence(sweep, 6)), "-0.9 -0.6 - -0.7 -0.6 -0.6");
}

TEST(Evidence, OfMedianStoppingIsOfWhatMostHaveReached) {
  Sweep sweep = sweep_of("median {}", {kWhole, kFast, {0.1, 0.2}, kWhole, {0.1, 0.5}, kSlow, {0.4}});
  EXPECT_EQ(text_of(evidence(sweep, 7)), "-0.7 -0.9 -0.2 -0.7 -0.5 -0.5 -");
  EXPECT_EQ(evidence(sweep, 7).basis, "values after 2 epochs, which most trials have reached");
  sweep.trials.resize(4);
  EXPECT_EQ(text_of(evidence(sweep, 4)), "- - - -");
}

TEST(Evidence, OfWholeTrainingsIsTheirBest) {
  Sweep sweep = sweep_of("run_to_end {}", {kWhole, kWhole, {}, kWhole});
  sweep.spec.mutable_limits()->set_parallel(2);
  EXPECT_EQ(text_of(evidence(sweep, 4)), "-0.9 -0.9 x -");
  EXPECT_EQ(evidence(sweep, 4).basis, "");
}

TEST(Evidence, AFaultOfTheMachineSaysNothingOfParameters) {
  for (const char* scheduler : {"run_to_end {}", "asha { eta: 3 }", "median {}"}) {
    Sweep sweep = sweep_of(scheduler, {kWhole, {}, {}, kWhole, kWhole, kWhole, kWhole, kWhole});
    for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
      sweep.trials[i].state = proto::TRIAL_FAILED;
      sweep.trials[i].attempts.emplace_back().fault = i == 1 ? proto::FAULT_OF_MACHINE : proto::FAULT_OF_RUN;
    }
    EXPECT_EQ(text_of(evidence(sweep, 8)).substr(0, 10), "-0.9 - x -") << scheduler;
  }
}

TEST(Evidence, TheReasonOfATrialSaysOnWhichValuesItStands) {
  SweepWorld world(3, 4);
  world.submit(
      sample_spec("search { tpe { startup_trials: 5 } } scheduler { asha { eta: 3 promote: true } } "
                  "limits { trials: 40 parallel: 3 }"));
  world.finish(0);
  std::set<std::string> rungs;
  for (const Trial& trial : world.state().sweeps[0].trials) {
    const std::size_t at = trial.choice_reason.find("; values at ");
    EXPECT_TRUE(at != std::string::npos || !trial.choice_reason.starts_with("TPE")) << trial.choice_reason;
    if (at != std::string::npos) rungs.insert(trial.choice_reason.substr(at + 12, 6));
  }
  EXPECT_EQ(rungs, (std::set<std::string>{"rung 0", "rung 1"}));
}

TEST(Plan, ASmallSpaceIsUsedUpAndTheSweepSaysSo) {
  for (const char* search : {"random {}", "sobol {}", "tpe {}", "gp {}", "grid {}"}) {
    proto::SweepSpec spec = sample_spec(fmt::format("search {{ {} }} limits {{ trials: 20 parallel: 2 }}", search));
    spec.mutable_parameter()->DeleteSubrange(2, 1);
    spec.mutable_parameter(0)->mutable_discrete()->add_value(0.1);
    spec.mutable_parameter(0)->mutable_discrete()->add_value(0.2);
    spec.mutable_parameter(0)->mutable_discrete()->add_value(0.3);
    SweepWorld world(1, 4);
    world.submit(spec);
    world.finish(0);
    const Sweep& sweep = world.state().sweeps[0];
    std::set<std::string> different;
    for (const Trial& trial : sweep.trials) {
      different.insert(fmt::format("{} {}", trial.assignments[0].number(), trial.assignments[1].choice()));
    }
    EXPECT_EQ(sweep.trials.size(), 6U) << search;
    EXPECT_EQ(different.size(), 6U) << search;
    EXPECT_EQ(sweep.reason, "all 6 combinations of the parameters have been tried; limits.trials is 20");
  }
}

}  // namespace
}  // namespace lockstep
