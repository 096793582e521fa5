#include "trainer/nn/layers/dense.h"

#include <fmt/format.h>

namespace lockstep {
namespace {

using onednn::Descriptor;
using onednn::PrimitiveDescriptor;

class DenseBuilder {
 public:
  DenseBuilder(Builder& builder, const proto::Dense& spec, const Activation& input)
      : builder_(builder), spec_(spec), input_(input) {}

  Activation build() {
    const Shape shape = {.channels = spec_.units(), .flat = true};
    output_.shape = shape;
    builder_.check_size(".dense.units", "the weights", double(spec_.units()) * double(input_.shape.values()));
    builder_.check_size(".dense.units", "the outputs of a slice", double(builder_.rows()) * spec_.units());
    if (builder_.faulty()) return output_;
    dst_ = onednn::plain({builder_.rows(), spec_.units()}, builder_.type());
    weights_dims_ = onednn::dims_of(input_.layout);
    weights_dims_[0] = spec_.units();
    if (spec_.bias()) bias_ = onednn::plain({spec_.units()});
    forward_ = make_forward();
    src_ = builder_.in_layout(input_, forward_.src_desc());
    const bool is_trained = builder_.is_trained("weights") || (spec_.bias() && builder_.is_trained("bias"));
    output_ = builder_.activation(shape, dst_, is_trained || input_.wants_gradient());
    add_parameters();
    add_forward();
    std::string implementation = "forward " + onednn::implementation_of(forward_);
    if (is_trained) add_backward_weights();
    if (input_.wants_gradient()) implementation += ", data " + add_backward_data();
    if (is_trained) implementation += ", weights " + onednn::implementation_of(backward_weights_);
    describe(std::move(implementation), 1 + int(is_trained) + int(input_.wants_gradient()));
    return output_;
  }

 private:
  // The input as it comes, unless that leaves nothing but the reference loop.
  PrimitiveDescriptor make_forward() {
    const auto make = [&](const Descriptor& src) {
      return onednn::inner_product_forward(src, onednn::any(weights_dims_, builder_.type()), bias_, dst_);
    };
    PrimitiveDescriptor as_it_comes = make(input_.layout);
    if (as_it_comes && !onednn::is_reference(as_it_comes)) return as_it_comes;
    const PrimitiveDescriptor other = make(onednn::any(onednn::dims_of(input_.layout), builder_.type()));
    return other ? other : as_it_comes;
  }

  void add_parameters() {
    backward_weights_ =
        onednn::inner_product_backward_weights(src_.layout, onednn::any(weights_dims_), bias_, dst_, forward_);
    CHECK(backward_weights_, "oneDNN has no weight gradient for {}", builder_.name());
    weights_ = builder_.parameter("weights", {spec_.units(), input_.shape.values()},
                                  backward_weights_.diff_weights_desc(), /*is_weights=*/true, 0);
    if (spec_.bias()) bias_parameter_ = builder_.parameter("bias", {spec_.units()}, bias_, /*is_weights=*/false, 0);
  }

  void add_forward() {
    const Descriptor layout = forward_.weights_desc();
    std::vector<Argument> arguments = {{DNNL_ARG_SRC, src_.layout, src_.values},
                                       {DNNL_ARG_WEIGHTS, layout, builder_.parameter_in_layout(weights_, layout)},
                                       {DNNL_ARG_DST, dst_, output_.values}};
    if (spec_.bias()) arguments.push_back({DNNL_ARG_BIAS, bias_, bias_parameter_.values});
    builder_.on_forward(builder_.operation(forward_, arguments).as("forward", flops()));
  }

  void add_backward_weights() {
    std::vector<Argument> arguments = {{DNNL_ARG_SRC, src_.layout, src_.values},
                                       {DNNL_ARG_DIFF_DST, dst_, output_.gradient},
                                       {DNNL_ARG_DIFF_WEIGHTS, weights_.layout, weights_.gradient}};
    if (spec_.bias()) arguments.push_back({DNNL_ARG_DIFF_BIAS, bias_, bias_parameter_.gradient});
    builder_.on_backward(builder_.gradient_operation(backward_weights_, arguments).as("weights", flops()));
  }

  std::string add_backward_data() {
    const PrimitiveDescriptor backward =
        onednn::inner_product_backward_data(src_.layout, onednn::any(weights_dims_, builder_.type()), dst_, forward_);
    CHECK(backward, "oneDNN has no input gradient for {}", builder_.name());
    const Descriptor layout = backward.weights_desc();
    builder_.on_backward(
        builder_
            .operation(backward, {{DNNL_ARG_DIFF_SRC, src_.layout, src_.gradient},
                                  {DNNL_ARG_WEIGHTS, layout, builder_.parameter_in_layout(weights_, layout)},
                                  {DNNL_ARG_DIFF_DST, dst_, output_.gradient}})
            .as("data", flops()));
    return onednn::implementation_of(backward);
  }

  std::int64_t flops() const { return 2 * spec_.units() * input_.shape.values() * builder_.rows(); }

  // `products`: the passes over the weights in training.
  void describe(std::string implementation, int products) {
    const std::int64_t weights = spec_.units() * input_.shape.values();
    builder_.describe({.name = builder_.name(),
                       .kind = fmt::format("dense, {} units", spec_.units()),
                       .output = output_.shape.text(),
                       .parameters = weights + (spec_.bias() ? spec_.units() : 0),
                       .forward_flops = 2 * weights,
                       .training_flops = 2 * weights * products,
                       .implementation = std::move(implementation)});
  }

  Builder& builder_;
  const proto::Dense& spec_;
  const Activation& input_;
  Descriptor dst_, bias_;
  onednn::Dims weights_dims_;
  PrimitiveDescriptor forward_, backward_weights_;
  Activation src_, output_;
  Parameter weights_, bias_parameter_;
};

}  // namespace

Activation build_dense(Builder& builder, const proto::Dense& spec, const Activation& input) {
  return DenseBuilder(builder, spec, input).build();
}

}  // namespace lockstep
