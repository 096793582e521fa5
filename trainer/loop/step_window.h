// The means that a report shows: over the steps since the report before.
// Threads: one thread per object.
#pragma once

#include <cstdint>

#include "trainer/loop/train_step.h"
#include "trainer/report/events.h"

namespace lockstep {

class StepWindow {
 public:
  StepWindow(std::int64_t batch, std::int64_t steps_per_epoch) : batch_(batch), steps_per_epoch_(steps_per_epoch) {}

  // Begins a new window at this step; training_seconds: time in data, compute, reduction and update so far.
  void restart(std::int64_t step, double training_seconds);
  void add(const StepOutcome& outcome);
  // The means up to `step`. Requires: at least one add() since restart().
  TrainPoint point(std::int64_t step, double training_seconds) const;

 private:
  std::int64_t batch_;
  std::int64_t steps_per_epoch_;
  std::int64_t first_step_ = 0;
  double first_seconds_ = 0;
  double loss_ = 0;
  double accuracy_ = 0;
  double learning_rate_ = 0;
};

}  // namespace lockstep
