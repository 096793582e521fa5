// Scores of one class a row.
#pragma once

#include "trainer/metrics/scores.h"

namespace lockstep {

// top5_accuracy: fewer than five other classes have a larger output, or an equal one before it. f1: van Rijsbergen
// 1979, Information Retrieval, chapter 7: 2 right / (rows of the class + predictions of it).
std::unique_ptr<Scores> make_class_scores(const Target& target);

}  // namespace lockstep
