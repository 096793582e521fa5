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
#include "trainer/optim/weight_average.h"
#include "trainer/report/events.h"

namespace lockstep {

struct Position {
  std::int64_t step = 0;               // optimizer steps done
  std::int64_t epoch = 0;              // whole epochs done
  std::vector<EvalPoint> evaluations;  // all so far, oldest first
  std::optional<EvalPoint> final_test = {};

  // Whether it was evaluated here.
  bool evaluated() const { return !evaluations.empty() && evaluations.back().step == step; }
  // Whether training ends here, and the test split was evaluated.
  bool tested() const { return final_test && final_test->step == step; }
  std::vector<MetricValue> metrics() const {
    return evaluated() ? evaluations.back().metrics : std::vector<MetricValue>();
  }
};

// What a checkpoint says beside the tensors, the same for every checkpoint of a run.
struct RunFacts {
  std::string job;
  std::string model;
  DatasetInfo dataset;
  std::map<std::string, std::string> facts;
};

// The arrays that decide the weights to come.
struct TrainingArrays {
  Network& network;
  Optimizer* optimizer = nullptr;    // null: only what the network computes with
  WeightAverage* average = nullptr;  // null: none is kept
};

Checkpoint capture(const RunFacts& run, const Position& position, const TrainingArrays& arrays);

// Of a checkpoint that is to be used and not to go on with: where it holds an average, that takes the place of the
// weights and running statistics. Whether it holds one.
bool take_average(std::vector<CheckpointTensor>& tensors);

// Why the checkpoints of this training could never be written: their size, a path that is too deep, an attribute that
// is too large. Errors: bad_configuration.
Status check_checkpoint(const RunFacts& run, const TrainingArrays& arrays);

// Takes a training's tensors one by one: parameters and buffers; the optimizer's state and the average, when the
// optimizer is given.
class Restoration {
 public:
  explicit Restoration(const TrainingArrays& arrays);
  // Whether this tensor is asked for: without an optimizer, its state and the average are not.
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
  bool goes_on_;
  std::map<std::string, Place> places_;  // not filled yet
  std::string faults_;
};

}  // namespace lockstep
