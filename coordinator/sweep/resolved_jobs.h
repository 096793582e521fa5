// Whether every job that the parameters of a sweep make can be run, as far as it shows without the data and the
// network. Threads: functions are independent.
#pragma once

#include <functional>

#include "proto/sweep.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {

// Adds what else is wrong with a job. Only jobs of trials are asked about: the job itself need not be one.
using JobRule = std::function<void(const proto::Job&, Faults&)>;

// Adds a fault at the parameter, or the choice, for all that is wrong with a job that has it and is not without it.
// What is looked at:
// - of every parameter each value: of a choice and of numbers that are listed all; of a whole number all up to 1000,
//   else both ends, their neighbours and the middle; of a real number both ends and a number between; with what the
//   conditions above it need, and once with each choice that its own condition admits. All other parameters have their
//   first value. With more than 10,000 such jobs, lists and ranges are looked at by their ends.
// - every combination of choices, listed numbers and both ends and the middle of ranges, when there are at most 1000.
// Limits of fields are intervals, so that the ends of a range are exact for them; what depends on several parameters at
// once is found for certain only when the combinations are few.
// What has been found of the job itself by its limits is not told again. Requires: check_parameters found no fault.
void check_resolved_jobs(const proto::SweepSpec& spec, const JobRule& rule, Faults& faults);

}  // namespace lockstep
