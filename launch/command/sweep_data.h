// Whether the trials of a sweep can be evaluated: the coordinator, which reads no data, cannot know it.
#pragma once

#include "proto/sweep.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// Asks `lockstep data info` about each dataset that trials read, by the base job and by choices. What cannot be looked
// at from here (a file that only the coordinator's machine has) is a warning on standard error, no fault.
// Errors: bad_configuration with every dataset that has no rows in the split that is evaluated, as a fault of the spec.
Status check_evaluated_split(const proto::SweepSpec& spec);

}  // namespace lockstep
