// Hyperband (Li et al. 2018, JMLR 18(185), algorithm 1): several successive halvings, the brackets, which spend about
// the same number of epochs each. One begins with many trials at few epochs, the last trains few trials to the end.
//
// With s_max + 1 rungs, bracket s of s_max, ..., 0 begins s rungs below the last one and is for
// ceil((s_max + 1) / (s + 1) * eta^s) trials. Trials are dealt to the brackets in the ratio of these sizes: their sum
// gives the paper's sizes, any other number is used to its last trial, where the paper would cut a round short.
// A bracket that is complete and decided goes on before new trials are created, so one slot runs them one after
// another as the paper does. What goes on is a function of values alone, as in each of the halvings.
#pragma once

#include "coordinator/schedule/scheduler.h"

namespace lockstep {

// max_epochs / eta^k down to min_epochs, rising: of all brackets.
std::vector<int> rungs_of_hyperband(const proto::Hyperband& hyperband, int max_epochs);

Next next_hyperband(const proto::Hyperband& hyperband, std::span<const TrialProgress> progress, int most_trials,
                    int max_epochs);

// Epochs of all trials if one of eta goes on from each rung of each bracket.
double epochs_of_hyperband(const proto::Hyperband& hyperband, int trials, int max_epochs);

}  // namespace lockstep
