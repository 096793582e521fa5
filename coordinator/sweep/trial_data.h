// Which data the trials of a sweep read.
// Threads: functions are independent.
#pragma once

#include <vector>

#include "proto/sweep.pb.h"

namespace lockstep {

// The `data` of the base job and what choices make of it, each path with what is chosen by once, at most 1000. Empty
// when the job names none. Takes any spec: what a choice sets wrongly is passed over, whoever checks the spec says it.
std::vector<proto::Data> trial_data(const proto::SweepSpec& spec);

}  // namespace lockstep
