// Asynchronous successive halving (Li et al. 2020, MLSys 2, arXiv:1810.05934). Decisions are made on the values that
// have come so far, so they depend on timing.
//
// promote (algorithm 2): trials pause at every rung. A free slot goes to the best paused trial that is among the best
// floor(n / eta) of the n trials that have come to its rung, from the highest rung down; else to a new trial. Beyond
// the paper: when there are no more trials to create, nothing runs and no trial was trained to the end, the best paused
// trial of the highest rung goes on, so that a sweep of few trials has one that was.
//
// stopping (the early stopping variant, Zhang et al. 2023, "Dive into Deep Learning", section 19.5.1): trials run on.
// At each rung but the last a trial goes on when it is among the best floor(n / eta) of the n that have come there so
// far, itself included, and always while n < eta.
//
// A trial that failed on its way to a rung counts among the n of that rung, as worst.
#pragma once

#include "coordinator/schedule/scheduler.h"

namespace lockstep {

Next next_asha(const proto::Asha& asha, std::span<const TrialProgress> progress, int most_trials, int max_epochs);

Verdict judge_asha(const proto::Asha& asha, std::span<const TrialProgress> progress, int trial, int max_epochs);

}  // namespace lockstep
