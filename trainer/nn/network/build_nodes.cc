#include "trainer/nn/network/build_nodes.h"

#include <algorithm>
#include <utility>

#include "trainer/nn/layers/batch_norm.h"
#include "trainer/nn/layers/concatenate.h"
#include "trainer/nn/layers/convolution.h"
#include "trainer/nn/layers/dense.h"
#include "trainer/nn/layers/dropout.h"
#include "trainer/nn/layers/flatten.h"
#include "trainer/nn/layers/multiply.h"
#include "trainer/nn/layers/nonlinearity.h"
#include "trainer/nn/layers/pooling.h"
#include "trainer/nn/layers/sum.h"
#include "trainer/nn/layers/upsampling.h"

namespace lockstep {
namespace {

Activation build_node(Builder& builder, proto::Layer& layer, const std::vector<Activation>& inputs) {
  const Activation& input = inputs[0];
  switch (layer.kind_case()) {
    case proto::Layer::kConvolution:
      return build_convolution(builder, *layer.mutable_convolution(), input);
    case proto::Layer::kDense:
      return build_dense(builder, layer.dense(), input);
    case proto::Layer::kBatchNorm:
      return build_batch_norm(builder, layer.batch_norm(), input);
    case proto::Layer::kMaxPooling:
      return build_max_pooling(builder, layer.max_pooling(), input);
    case proto::Layer::kAveragePooling:
      return build_average_pooling(builder, layer.average_pooling(), input);
    case proto::Layer::kGlobalPooling:
      return build_global_pooling(builder, input);
    case proto::Layer::kRelu:
      return build_nonlinearity(builder, Nonlinearity::kRelu, input);
    case proto::Layer::kSigmoid:
      return build_nonlinearity(builder, Nonlinearity::kSigmoid, input);
    case proto::Layer::kTanh:
      return build_nonlinearity(builder, Nonlinearity::kTanh, input);
    case proto::Layer::kDropout:
      return build_dropout(builder, layer.dropout(), input);
    case proto::Layer::kFlatten:
      return build_flatten(builder, input);
    case proto::Layer::kResidual:
      return build_residual_sum(builder, layer.residual(), inputs);
    case proto::Layer::kAdd:
      return build_add(builder, inputs);
    case proto::Layer::kConcatenate:
      return build_concatenate(builder, inputs);
    case proto::Layer::kMultiply:
      return build_multiply(builder, inputs);
    case proto::Layer::kUpsampling:
      return build_upsampling(builder, layer.upsampling(), input);
    case proto::Layer::KIND_NOT_SET:
      builder.fault("", "expected one kind of layer, got none");
      return input;
  }
  CHECK(false, "layer kind {}", int(layer.kind_case()));
  return input;
}

Activation as_output(Builder& builder, const Activation& value) {
  if (builder.faulty()) return value;
  builder.begin_layer("model", "loss");
  const Activation rows = builder.as_matrix(value);
  return builder.in_layout(rows, onednn::plain(onednn::dims_of(rows.layout)));
}

}  // namespace

std::vector<Activation> build_nodes(Builder& builder, const Graph& graph) {
  const std::vector<Node>& nodes = graph.nodes;
  const std::vector<int> readers = count_readers(graph);
  // Of the image and then of each node: what its readers get, the next one last.
  std::vector<std::vector<Activation>> views;
  const auto share = [&](const Activation& value) { views.push_back(fan_out(builder, value, readers[views.size()])); };
  const auto take = [&](int node) {
    std::vector<Activation>& of_value = views[static_cast<std::size_t>(node + 1)];
    const Activation view = of_value.back();
    of_value.pop_back();
    return view;
  };
  const Node* postponed = nullptr;
  const auto build = [&](const Node& node) {
    std::vector<Activation> inputs;
    std::vector<std::string> names;
    for (const int input : node.inputs) {
      names.push_back(input == kImage ? "image" : nodes[static_cast<std::size_t>(input)].name);
      inputs.push_back(take(input));
    }
    builder.begin_layer(node.path, node.name, std::move(names));
    Activation value = inputs[0];
    if (node.is_postponed) {
      builder.describe({.name = node.name,
                        .kind = "relu",
                        .output = value.shape.text(),
                        .implementation = "behind the pooling: the same bits"});
    } else {
      value = build_node(builder, *node.layer, inputs);
    }
    if (postponed != nullptr) {
      builder.begin_layer(postponed->path, postponed->name);
      value = build_relu_behind(builder, value);
    }
    postponed = node.is_postponed ? &node : nullptr;
    if (builder.is_kept(node.name)) builder.keep(value);
    share(value);
  };
  share(builder.input());
  const auto evaluated = nodes.begin() + static_cast<std::ptrdiff_t>(graph.evaluated);
  std::for_each(nodes.begin(), evaluated, build);
  std::vector<Activation> outputs = {as_output(builder, take(graph.outputs[0]))};
  builder.end_evaluation();
  std::for_each(evaluated, nodes.end(), build);
  for (auto node = graph.outputs.begin() + 1; node != graph.outputs.end(); ++node) {
    outputs.push_back(as_output(builder, take(*node)));
  }
  return outputs;
}

}  // namespace lockstep
