// Compares gradients with central differences of the slow twin's loss.
#pragma once

#include <string>
#include <vector>

#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {

// Looks at a sample of elements of every parameter, and at random directions that all its elements take part in.
// Returns one line for each disagreement. Nudges twin.values and puts them back.
std::vector<std::string> compare_gradients(const PlainTensors& gradients, NaiveNetwork& twin, const Rows& rows,
                                           double loss_scale);

}  // namespace lockstep
