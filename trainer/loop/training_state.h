// Between a running training and a checkpoint: everything that decides the weights to come, in plain layout.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"
#include "storage/checkpoint/checkpoint.h"
#include "storage/dataset/dataset.h"
#include "trainer/nn/network/network.h"
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

// Why the checkpoints of this training could never be written: their size, a path that is too deep, an attribute that
// is too large. Errors: bad_configuration.
Status check_checkpoint(const RunFacts& run, Network& network, Optimizer& optimizer);

// Takes a training's tensors one by one: parameters and buffers, and the optimizer's state when `optimizer` is given.
class Restoration {
 public:
  Restoration(Network& network, Optimizer* optimizer);
  // Whether this tensor is asked for: without an optimizer, its state is not.
  bool wants(std::string_view path) const;
  void put(const std::string& path, const std::vector<std::int64_t>& shape, std::span<const float> values);
  // After the last one. Every tensor must have come with the shape the network has, and no other. Errors: bad_data,
  // naming all that do not fit.
  Status finish();

 private:
  struct Place {
    const TensorInfo* tensor;
    std::span<float> array;
  };
  Network& network_;
  bool with_optimizer_;
  std::map<std::string, Place> places_;  // not filled yet
  std::string faults_;
};

}  // namespace lockstep
