// Scores of masks, over all counted pixels of all rows.
#pragma once

#include "trainer/metrics/scores.h"

namespace lockstep {

// iou, intersection over union (Jaccard 1912): not a number for a class that neither masks nor predictions have. Ties
// count for the class that comes first.
std::unique_ptr<Scores> make_mask_scores(const Target& target);

}  // namespace lockstep
