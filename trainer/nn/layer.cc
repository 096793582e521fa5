#include "trainer/nn/layer.h"

#include <fmt/format.h>

#include "trainer/nn/batch_norm.h"
#include "trainer/nn/convolution.h"
#include "trainer/nn/dense.h"
#include "trainer/nn/dropout.h"
#include "trainer/nn/flatten.h"
#include "trainer/nn/nonlinearity.h"
#include "trainer/nn/pooling.h"
#include "trainer/nn/residual.h"

namespace lockstep {
namespace {

Activation build_layer(Builder& builder, proto::Layer& layer, const Activation& input) {
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
      return build_residual(builder, *layer.mutable_residual(), input);
    case proto::Layer::KIND_NOT_SET:
      builder.fault("", "expected one kind of layer, got none");
      return input;
  }
  CHECK(false, "layer kind {}", int(layer.kind_case()));
  return input;
}

}  // namespace

Activation build_layers(Builder& builder, google::protobuf::RepeatedPtrField<proto::Layer>& layers,
                        const std::string& path, const std::string& prefix, const Activation& input) {
  Activation flow = input;
  const auto build = [&](int i) {
    builder.begin_layer(fmt::format("{}[{}]", path, i), prefix + layers[i].name());
    flow = build_layer(builder, layers[i], flow);
  };
  for (int i = 0; i < layers.size(); ++i) {
    // A maximum of rectified values is the rectified maximum, and its gradient goes the same way: the same bits, and
    // the ReLU has as many values fewer as the window is large.
    const bool swap = layers[i].has_relu() && i + 1 < layers.size() && layers[i + 1].has_max_pooling();
    if (swap) build(i + 1);
    build(i);
    if (swap) ++i;
  }
  return flow;
}

}  // namespace lockstep
