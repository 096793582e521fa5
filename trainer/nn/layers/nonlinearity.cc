#include "trainer/nn/layers/nonlinearity.h"

#include <string>
#include <utility>

namespace lockstep {
namespace {

struct Kind {
  std::string_view name;
  dnnl::algorithm algorithm;
};

Kind kind_of(Nonlinearity kind) {
  switch (kind) {
    case Nonlinearity::kRelu:
      return {"relu", dnnl::algorithm::eltwise_relu_use_dst_for_bwd};
    case Nonlinearity::kSigmoid:
      return {"sigmoid", dnnl::algorithm::eltwise_logistic_use_dst_for_bwd};
    case Nonlinearity::kTanh:
      return {"tanh", dnnl::algorithm::eltwise_tanh_use_dst_for_bwd};
  }
  CHECK(false, "nonlinearity {}", int(kind));
  return {};
}

// Returns oneDNN's name of the kernel.
std::string add_steps(Builder& builder, dnnl::algorithm algorithm, const Activation& input, const Activation& output) {
  const auto forward = onednn::eltwise_forward(algorithm, input.layout);
  builder.on_forward(builder.operation(
      forward, {{DNNL_ARG_SRC, input.layout, input.values}, {DNNL_ARG_DST, output.layout, output.values}}));
  if (input.wants_gradient()) {
    const auto backward = onednn::eltwise_backward(algorithm, input.layout, forward);
    builder.on_backward(builder.operation(backward, {{DNNL_ARG_DST, output.layout, output.values},
                                                     {DNNL_ARG_DIFF_DST, output.layout, output.gradient},
                                                     {DNNL_ARG_DIFF_SRC, input.layout, input.gradient}}));
  }
  return onednn::implementation_of(forward);
}

}  // namespace

Activation build_nonlinearity(Builder& builder, Nonlinearity kind, const Activation& input) {
  if (builder.faulty()) return input;
  const auto [name, algorithm] = kind_of(kind);
  const Activation output = builder.elementwise(input);
  std::string implementation = add_steps(builder, algorithm, input, output);
  builder.describe({.name = builder.name(),
                    .kind = std::string(name),
                    .output = output.shape.text(),
                    .implementation = std::move(implementation)});
  return output;
}

Activation build_relu_behind(Builder& builder, const Activation& pooled) {
  if (builder.faulty()) return pooled;
  const Activation output = builder.elementwise(pooled);
  add_steps(builder, kind_of(Nonlinearity::kRelu).algorithm, pooled, output);
  return output;
}

}  // namespace lockstep
