// A sweep without a coordinator: carries out what the scheduler says, and fails the test when that cannot be done: a
// trial too many, a trial resumed that is not paused or to an epoch it has passed, kDone while a trial runs.
#pragma once

#include <string>
#include <vector>

#include "coordinator/schedule/scheduler.h"

namespace lockstep {

class SweepModel {
 public:
  SweepModel(proto::Scheduler scheduler, int most_trials, int max_epochs);

  // Asks for the next step and takes it.
  Next advance();
  // A running trial has evaluated one more epoch; it is stopped when the verdict is so.
  Verdict report(int trial, double value);
  // A running trial has left its last epoch behind: paused where it was told to, or completed at the end. Requires: it
  // is there.
  void arrive(int trial);
  void set_state(int trial, TrialProgress::State state) { at(trial).state = state; }

  const std::vector<TrialProgress>& progress() const { return progress_; }
  const TrialProgress& trial(int trial) const { return progress_.at(static_cast<std::size_t>(trial)); }
  const proto::Scheduler& scheduler() const { return scheduler_; }
  int most_trials() const { return most_trials_; }
  int max_epochs() const { return max_epochs_; }
  // Whether the trial has evaluated the last epoch it was told to.
  bool has_arrived(int trial) const;
  std::vector<int> running() const;

 private:
  TrialProgress& at(int trial) { return progress_.at(static_cast<std::size_t>(trial)); }

  proto::Scheduler scheduler_;
  int most_trials_;
  int max_epochs_;
  std::vector<TrialProgress> progress_;
};

// In the text form of the proto: "asha { promote: true }".
proto::Scheduler scheduler_of(const std::string& text);

}  // namespace lockstep
