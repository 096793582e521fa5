// Compares gradients with central differences of the slow twin's loss.
#pragma once

#include <string>
#include <vector>

#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {

struct Comparison {
  std::size_t elements = 12;
  int directions = 2;
  // float kernels add up to a few thousand products, each rounded by 6e-8: an error of some 1e-6 of the largest
  // gradient of the tensor; batch norm divides by a deviation that is itself such a sum.
  double relative_tolerance = 1e-5;
  double absolute_tolerance = 1e-7;  // for tensors whose gradients nearly cancel
};

// Looks at a sample of elements of every parameter, and at random directions that all its elements take part in.
// Returns one line for each disagreement. Nudges twin.values and puts them back.
std::vector<std::string> compare_gradients(const PlainTensors& gradients, NaiveNetwork& twin, const Rows& rows,
                                           double loss_scale, const Comparison& comparison = {});

}  // namespace lockstep
