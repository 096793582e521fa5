// What differs between two checkpoints.
// Threads: functions are independent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/checkpoint/checkpoint.h"

namespace lockstep {

// One tensor that is not the same in both. An empty shape: it is not in that one. The figures below count only when
// the shapes are equal.
struct TensorDifference {
  std::string path;
  std::vector<std::int64_t> shape_a = {};
  std::vector<std::int64_t> shape_b = {};
  std::int64_t differing_elements = 0;  // whose bits are not the same
  double max_absolute = 0;              // largest |a - b|; infinite where one is not a number
  // Largest number of float32 values between a and b, counting b; 0 between 0 and -0.
  std::int64_t max_ulp = 0;
  std::vector<std::int64_t> first_index = {};  // of the first element that differs, in row-major order
};

struct CheckpointDifference {
  // Step, epoch and the bits of all tensors are the same.
  bool identical = false;
  // Step, epoch and whatever else is not a tensor, as "epoch: 3, 4"; of the job, each line that only one has, as
  // "job only in a: optimizer.sgd.momentum: 0.9".
  std::vector<std::string> notes;
  // In the order of a; those only in b follow.
  std::vector<TensorDifference> tensors;
};

CheckpointDifference diff_checkpoints(const Checkpoint& a, const Checkpoint& b);

}  // namespace lockstep
