// The arithmetic of rungs: epochs at which trials are compared.
//
// A trial's value at a rung is the one after exactly that epoch, not the best up to it: this is what Li et al. 2018 and
// 2020 compare, and trials are resumed from that epoch's weights. NaN and a trial that failed on the way count as
// worst; of equal values the lower trial number is better. Rungs are counted from 0, as in the papers.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coordinator/schedule/scheduler.h"

namespace lockstep {

// min_epochs * eta^k below max_epochs, rising, then max_epochs. Requires: min_epochs >= 1; eta >= 2.
std::vector<int> rungs(int min_epochs, int eta, int max_epochs);

// What a trial is told to train to on its way to this rung; 0 for the last.
int until_epoch(std::span<const int> rungs, std::size_t rung);

// None: it has not come so far. Of a trial that was completed before, as its job's stop_when says: its last value. NaN
// reads as infinity.
std::optional<double> value_at(const TrialProgress& trial, int epoch);

// A trial in the order of a rung.
struct Placed {
  int trial = 0;
  std::optional<double> value;  // none: it failed on the way
};

// Best first.
void sort_best_first(std::vector<Placed>& placed);

// "rung 1 (3 epochs)".
std::string rung_text(std::span<const int> rungs, std::size_t rung);
// "rung 1 (3 epochs): rank 2 of 9, best 3 go on". Requires: rank is from 0.
std::string rank_text(std::span<const int> rungs, std::size_t rung, std::size_t rank, std::size_t of, int best);
// "1 epoch", "3 epochs".
std::string count_text(int count, std::string_view noun);

}  // namespace lockstep
