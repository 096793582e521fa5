// A model as nodes, in the order in which they run. Residual blocks are taken apart: the layers of the body, those of
// the shortcut, then a node for the sum. The readers of each value are known before anything is built.
#pragma once

#include <string>
#include <vector>

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"

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

// How many readers each value has: of the image, then of each node. The loss reads what the last one gives.
std::vector<int> count_readers(const std::vector<Node>& nodes);

}  // namespace lockstep
