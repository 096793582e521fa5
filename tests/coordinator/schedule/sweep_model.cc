#include "tests/coordinator/schedule/sweep_model.h"

#include <utility>

#include <gtest/gtest.h>

namespace lockstep {

using State = TrialProgress::State;

SweepModel::SweepModel(proto::Scheduler scheduler, int most_trials, int max_epochs)
    : scheduler_(std::move(scheduler)), most_trials_(most_trials), max_epochs_(max_epochs) {}

Next SweepModel::advance() {
  Next it = next(scheduler_, progress_, most_trials_, max_epochs_);
  const bool acts = it.what == Next::What::kCreate || it.what == Next::What::kResume;
  EXPECT_FALSE(acts && it.reason.empty());
  EXPECT_LE(it.until_epoch, max_epochs_ - 1);
  switch (it.what) {
    case Next::What::kCreate:
      EXPECT_LT(progress_.size(), static_cast<std::size_t>(most_trials_));
      progress_.push_back({.trial = static_cast<int>(progress_.size()),
                           .bracket = it.bracket,
                           .state = State::kRunning,
                           .values = {},
                           .until_epoch = it.until_epoch});
      break;
    case Next::What::kResume: {
      TrialProgress& trial = at(it.trial);
      EXPECT_EQ(trial.state, State::kPaused) << "trial " << it.trial;
      EXPECT_EQ(trial.bracket, it.bracket);
      EXPECT_TRUE(it.until_epoch == 0 || it.until_epoch > trial.until_epoch) << "trial " << it.trial;
      trial.state = State::kRunning;
      trial.until_epoch = it.until_epoch;
      break;
    }
    case Next::What::kWait:
      EXPECT_FALSE(running().empty()) << "waits for nobody";
      break;
    case Next::What::kDone:
      EXPECT_TRUE(running().empty()) << "done while a trial runs";
      break;
  }
  return it;
}

Verdict SweepModel::report(int trial, double value) {
  EXPECT_EQ(at(trial).state, State::kRunning) << "trial " << trial;
  at(trial).values.push_back(value);
  Verdict verdict = judge(scheduler_, progress_, trial, max_epochs_);
  EXPECT_FALSE(verdict.stop && verdict.reason.empty());
  if (verdict.stop) at(trial).state = State::kStopped;
  return verdict;
}

bool SweepModel::has_arrived(int number) const {
  const int until = trial(number).until_epoch;
  return trial(number).values.size() >= static_cast<std::size_t>(until == 0 ? max_epochs_ : until);
}

void SweepModel::arrive(int trial) {
  EXPECT_EQ(at(trial).state, State::kRunning) << "trial " << trial;
  EXPECT_TRUE(has_arrived(trial)) << "trial " << trial;
  at(trial).state = at(trial).until_epoch == 0 ? State::kCompleted : State::kPaused;
}

std::vector<int> SweepModel::running() const {
  std::vector<int> trials;
  for (const TrialProgress& it : progress_) {
    if (it.state == State::kRunning) trials.push_back(it.trial);
  }
  return trials;
}

proto::Scheduler scheduler_of(const std::string& text) {
  proto::Scheduler scheduler;
  Faults faults;
  parse_text_proto(text, scheduler, faults);
  EXPECT_TRUE(faults.empty()) << faults.status(text);
  return scheduler;
}

}  // namespace lockstep
