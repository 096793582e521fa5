// Average precision: the sum over thresholds, from the highest score down, of the precision there times the gain in
// recall (Zhu 2004, Recall, precision and average precision, University of Waterloo, section 4; without interpolation).
#pragma once

#include <span>

namespace lockstep {

struct ScoredRow {
  float score = 0;  // a number
  bool is_positive = false;
};

// Puts the rows in order of their scores. Rows of equal score come in at one threshold, so that their order does not
// show. Not a number when no row is positive.
double average_precision(std::span<ScoredRow> rows);

}  // namespace lockstep
