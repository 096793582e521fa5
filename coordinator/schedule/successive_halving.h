// Synchronous successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943), in the form of Li et al. 2018.
//
// All trials are trained to the first rung. When each of them has a value there or has ended without one, the best
// floor(n / eta) of the n, at least one, go on to the next rung, and so on; the last rung is the end of the job. So
// what goes on is a function of values alone, not of when they came. A trial without a value counts among the n, is
// worst, and never goes on. Places that were given stay given: a trial that is retried after its rung was decided gets
// one only if one is free.
#pragma once

#include <optional>

#include "coordinator/schedule/scheduler.h"

namespace lockstep {

Next next_halving(const proto::SuccessiveHalving& halving, std::span<const TrialProgress> progress, int most_trials,
                  int max_epochs);

// The next of `members` to go on, when these are all there will be and are compared at `rungs`; none: nobody yet, or
// nobody any more.
std::optional<Next> next_promotion(std::vector<int> members, std::span<const TrialProgress> progress,
                                   const std::vector<int>& rungs, int eta);

// Epochs of all trials if one of eta goes on from each rung.
double epochs_of_halving(int trials, int eta, std::span<const int> rungs);

}  // namespace lockstep
