// Whether the trials of a sweep have rows to be chosen by: the coordinator, which reads no data, cannot know it.
#pragma once

#include "proto/sweep.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// Asks `lockstep data info` about each dataset that trials read, by the base job and by choices. What cannot be looked
// at from here (a file that only the coordinator's machine has) is a warning on standard error, no fault.
// Errors: bad_configuration with every dataset that has neither validation rows nor, by the job, rows held out of
// training, as a fault of the spec.
Status check_evaluated_split(const proto::SweepSpec& spec);

}  // namespace lockstep
