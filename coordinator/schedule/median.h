// Median stopping (Golovin et al. 2017, KDD, section 3.2.2): after an epoch a trial is stopped when its best value so
// far is worse than the median, over the other trials, of the mean of their values up to that epoch. Of an even number
// of means the median is the mean of the middle two.
//
// The others are all trials that have come as far, whatever became of them; the paper takes only completed ones, which
// are none until the first trial ends. Nothing is decided before min_epochs, with fewer than min_trials others, or
// after the last epoch. The answer depends on which others have come as far: on timing.
#pragma once

#include "coordinator/schedule/scheduler.h"

namespace lockstep {

Verdict judge_median(const proto::MedianStopping& median, std::span<const TrialProgress> progress, int trial,
                     int max_epochs);

}  // namespace lockstep
