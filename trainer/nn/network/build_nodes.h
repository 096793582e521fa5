// The network, node by node: the one place that knows all kinds of layers.
#pragma once

#include <vector>

#include "trainer/nn/graph/builder.h"
#include "trainer/nn/graph/graph.h"

namespace lockstep {

// Builds all nodes, and returns what the loss reads, output by output, as rows of fp32. Where a value has several
// readers its gradient is the sum of what they give, in their order.
std::vector<Activation> build_nodes(Builder& builder, const Graph& graph);

}  // namespace lockstep
