// Every trial is trained to the end. Also how trials are created by schedulers that only ever stop some.
#pragma once

#include "coordinator/schedule/scheduler.h"

namespace lockstep {

// A new trial that trains to the end while there may be more; then wait_or_done.
Next next_to_end(std::span<const TrialProgress> progress, int most_trials);

// When nothing is created or resumed: kWait with the number of trials that run, or kDone when none does.
Next wait_or_done(std::span<const TrialProgress> progress);

}  // namespace lockstep
