// The learning rate of each step: a pure function of the schedule and the step.
#pragma once

#include <cstdint>

namespace lockstep {

namespace proto {
class Schedule;  // proto/job.pb.h
}

// Learning rate of optimizer step `step`, counted from 0. An empty message is the default constant schedule.
// Requires: 0 <= step < total_steps; steps_per_epoch > 0.
float learning_rate_at(const proto::Schedule& schedule, std::int64_t step, std::int64_t steps_per_epoch,
                       std::int64_t total_steps);

}  // namespace lockstep
