// Between a running training and a checkpoint: everything that decides the weights to come, in plain layout.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/checkpoint/checkpoint.h"
#include "storage/dataset/dataset.h"
#include "trainer/nn/network.h"
#include "trainer/optim/optimizer.h"
#include "trainer/report/events.h"

namespace lockstep {

struct Position {
  std::int64_t step = 0;               // optimizer steps done
  std::int64_t epoch = 0;              // whole epochs done
  std::vector<EvalPoint> evaluations;  // all so far, oldest first

  // Whether it was evaluated here.
  bool evaluated() const { return !evaluations.empty() && evaluations.back().step == step; }
  std::optional<double> accuracy() const {
    return evaluated() ? std::optional(evaluations.back().accuracy) : std::nullopt;
  }
};

// What a checkpoint says beside the tensors, the same for every checkpoint of a run.
struct RunFacts {
  std::string job;
  DatasetInfo dataset;
  std::map<std::string, std::string> facts;
};

Checkpoint capture(const RunFacts& run, const Position& position, Network& network, Optimizer& optimizer);

// Parameters and buffers; and the optimizer's state when `optimizer` is given. Every tensor must be there with the
// shape the network has, and no other parameter. Errors: bad_data, naming all that do not fit.
Status restore(const Checkpoint& checkpoint, Network& network, Optimizer* optimizer);

}  // namespace lockstep
