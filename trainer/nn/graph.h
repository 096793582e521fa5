// A model as nodes, and the network built from them node by node: the one place that knows all kinds of layers.
//
// Nodes are in the order in which they run. Residual blocks are taken apart: the layers of the body, those of the
// shortcut, then a node for the sum. The readers of each value are known before anything is built; where there are
// several, the value's gradient is the sum of what they give, in their order.
#pragma once

#include <string>
#include <vector>

#include "proto/model.pb.h"
#include "trainer/nn/builder.h"

namespace lockstep {

inline constexpr int kImage = -1;

struct Node {
  proto::Layer* layer = nullptr;
  std::string path;         // in the model, as "model.layer[2].residual.body[0]"
  std::string name;         // "residual_1/convolution_1"
  std::vector<int> inputs;  // earlier nodes, or kImage
};

// `model` has been resolved. Faults: names of no earlier layer, another number of inputs than the kind takes, values
// that nobody reads.
std::vector<Node> lower(proto::Model& model, Builder& builder);

// Builds all nodes, and returns what the last one gives.
Activation build_nodes(Builder& builder, const std::vector<Node>& nodes);

}  // namespace lockstep
