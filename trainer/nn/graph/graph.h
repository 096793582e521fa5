// A model as nodes, in the order in which they run. Residual blocks are taken apart: the layers of the body, those of
// the shortcut, then a node for the sum. The readers of each value, the loss among them, are known before anything is
// built.
#pragma once

#include <string>
#include <vector>

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"

namespace lockstep {

inline constexpr int kImage = -1;

struct Node {
  proto::Layer* layer = nullptr;
  std::string path;              // in the model, as "model.layer[2].residual.body[0]"
  std::string name;              // "residual_1/convolution_1"
  std::vector<int> inputs = {};  // earlier nodes, or kImage
  // A ReLU that is computed behind the max pooling that follows and alone reads it.
  bool is_postponed = false;
};

struct Graph {
  std::vector<Node> nodes;
  // The first so many are those that evaluation needs; the others lead to auxiliary losses only.
  std::size_t evaluated = 0;
  // Nodes that the loss reads: the model's last layer, then those of NetworkOptions::auxiliary. kImage in an empty
  // model.
  std::vector<int> outputs;
};

// `model` has been resolved. Faults: names of no earlier layer, another number of inputs than the kind takes, values
// that nobody reads, auxiliary losses of no layer.
Graph lower(proto::Model& model, Builder& builder);

// Of an auxiliary loss, in the job.
std::string auxiliary_path(std::size_t index);

// How many readers each value has: of the image, then of each node.
std::vector<int> count_readers(const Graph& graph);

}  // namespace lockstep
