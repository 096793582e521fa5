#include "trainer/loop/step_window.h"

namespace lockstep {

void StepWindow::restart(std::int64_t step, double training_seconds) {
  first_step_ = step;
  first_seconds_ = training_seconds;
  loss_ = accuracy_ = 0;
}

void StepWindow::add(const StepOutcome& outcome) {
  loss_ += outcome.loss;
  accuracy_ += outcome.accuracy;
  learning_rate_ = outcome.learning_rate;
}

TrainPoint StepWindow::point(std::int64_t step, double training_seconds) const {
  const auto steps = static_cast<double>(step - first_step_);
  return {.step = step,
          .epoch = (step - 1) / steps_per_epoch_,
          .loss = loss_ / steps,
          .accuracy = accuracy_ / steps,
          .learning_rate = learning_rate_,
          .images_per_second = steps * static_cast<double>(batch_) / (training_seconds - first_seconds_)};
}

}  // namespace lockstep
