// The learning rate of each step: a pure function of the schedule and the step.
//
// With W = warm_up_epochs in steps (rounded to the nearest) and L the last step, total_steps - 1:
//   all but one_cycle  steps before W: what follows, times (step + 1) / W; of cosine and polynomial: rate * (step + 1)
//   / W
//     constant         rate
//     step_decay       rate * factor^(whole periods of every_epochs, rounded to steps, since step 0)
//     multi_step       rate * factor^(how many of at_epoch, rounded to steps, have been reached since step 0)
//     exponential      rate * factor^(step / steps_per_epoch)
//     cosine           half a cosine from rate at step W to final at step L
//     polynomial       final + (rate - final) * (1 - (step - W) / (L - W))^power
//   one_cycle          a line from initial at step 0 to peak at step W, then a line to final at step L
//     plateau          the larger of least and rate * plateau_scale (stagnation.h), which changes with evaluations
// A warm-up that is longer than the training is cut off by its end.
#pragma once

#include <cstdint>

namespace lockstep {

namespace proto {
class Schedule;  // proto/optimizer.pb.h
}

// Learning rate of optimizer step `step`, counted from 0. An empty message is the default constant schedule.
// plateau_scale: of plateau. Requires: 0 <= step < total_steps; steps_per_epoch > 0.
float learning_rate_at(const proto::Schedule& schedule, std::int64_t step, std::int64_t steps_per_epoch,
                       std::int64_t total_steps, double plateau_scale = 1);

// Whether the rates depend on the number of steps there will be.
bool depends_on_end(const proto::Schedule& schedule);

}  // namespace lockstep
