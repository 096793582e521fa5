// The figure of a sweep's best network on rows that nothing was chosen by.
#pragma once

#include "proto/coordinator.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// Puts into `best` what its checkpoint does on the test split: once the sweep has ended, where its trials were chosen
// by other rows and the data has a test split. It is evaluated by `lockstep eval` the first time, which is said on
// standard error, and kept as final_test.json in the trial's directory. Errors: io_error; `best` is left as it is.
Status add_final_test(const proto::SweepView& sweep, proto::TrialView& best);

}  // namespace lockstep
