// Scores of numbers, in their own units.
#pragma once

#include "trainer/metrics/scores.h"

namespace lockstep {

// r2, the coefficient of determination: 1 - (sum of squared errors) / (sum of squared distances of the numbers from
// their mean over the rows evaluated); not a number where they are all the same, and then no part of the mean. Sums are
// in double, in row order. A row whose output is not a finite number makes all metrics of that number not a number.
std::unique_ptr<Scores> make_number_scores(const Target& target);

}  // namespace lockstep
