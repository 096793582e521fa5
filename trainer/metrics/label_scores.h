// Scores of several labels a row.
#pragma once

#include "trainer/metrics/scores.h"

namespace lockstep {

// label_accuracy: of all labels of all rows, those whose output is above 0 where the row has them, and not above it
// where it has not.
std::unique_ptr<Scores> make_label_scores(std::vector<std::string> names);

}  // namespace lockstep
