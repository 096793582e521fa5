// Whether the networks of a sweep's trials can be built: the coordinator, which has no kernels and reads no data,
// cannot know it.
#pragma once

#include "launch/command/sweep_spec.h"
#include "storage/base/status.h"

namespace lockstep {

// Asks `lockstep model show` about each network that the job and the parameters make, as check_resolved_jobs samples
// them; at most kMostNetworks. What cannot be known from here (data that only the coordinator's machine has) is a
// warning on standard error, no fault. A sweep that is wrong otherwise is not looked at: the coordinator says what it
// is. Errors: bad_configuration with every fault: of the job, where it is in each trial, else at the parameter or
// choice.
inline constexpr int kMostNetworks = 100;
Status check_networks(const SweepFile& file);

}  // namespace lockstep
