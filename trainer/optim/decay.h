// Which part of the parameter arena gets which L2 penalty, as few runs as possible, so that an update is one
// vectorised loop per run.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "trainer/tensor/tensor.h"

namespace lockstep {

namespace proto {
class Optimizer;  // proto/job.pb.h
}

// Elements [begin, end) of the arena.
struct DecayRun {
  std::size_t begin = 0;
  std::size_t end = 0;
  float weight_decay = 0;
};

// Ensures: runs in order, not empty, covering [0, arena_elements) without gaps; neighbours differ in weight_decay.
// Weights get spec.weight_decay, biases and batch-norm parameters 0 unless spec.decay_all. Padding between tensors goes
// with the tensor before it. Requires: parameters in arena order, inside the arena.
std::vector<DecayRun> decay_runs(const proto::Optimizer& spec, std::span<const TensorInfo> parameters,
                                 std::size_t arena_elements);

}  // namespace lockstep
