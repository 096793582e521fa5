#include "trainer/nn/layers/convolution.h"

#include <utility>

#include <fmt/format.h>

#include "trainer/nn/layers/window.h"
#include "trainer/nn/layers/winograd_steps.h"
#include "trainer/nn/plans/convolution_plan.h"

namespace lockstep {
namespace {

using onednn::Descriptor;
using onednn::PrimitiveDescriptor;

class ConvolutionBuilder {
 public:
  ConvolutionBuilder(Builder& builder, proto::Convolution& spec, const Activation& input)
      : builder_(builder), spec_(spec), input_(input), window_spec_(window_spec(spec)), plan_(spec.plan()) {
    window_spec_.dilation = spec.dilation();
  }

  Activation build() {
    check();
    if (builder_.faulty()) return output_;
    place_activations();
    add_parameters();
    std::string implementation = "forward " + add_forward();
    const std::string weights = is_trained() ? ", weights " + add_backward_weights() : "";
    if (input_.wants_gradient()) implementation += ", data " + add_backward_data();
    describe(implementation + weights);
    if (winograd_fits_) *spec_.mutable_plan() = plan_;
    return output_;
  }

 private:
  void check() {
    const Shape& in = input_.shape;
    output_.shape = {.channels = spec_.filters()};
    if (!check_image(in, ".convolution", "a convolution", builder_)) return;
    placed_ = place_window(window_spec_, in, ".convolution", builder_);
    output_.shape.height = placed_.output_height;
    output_.shape.width = placed_.output_width;
    if (in.channels % spec_.groups() != 0 || spec_.filters() % spec_.groups() != 0) {
      builder_.fault(".convolution.groups",
                     fmt::format("expected a divisor of both the input's channels ({}) and filters ({}), got {}",
                                 in.channels, spec_.filters(), spec_.groups()));
    }
    const onednn::Dims& kernel = placed_.window.kernel;
    builder_.check_size(".convolution", "the weights",
                        double(spec_.filters()) * double(in.channels) * double(kernel[0] * kernel[1]));
    builder_.check_size(".convolution", "the outputs of a slice", double(builder_.rows()) * output_.shape.values());
    winograd_fits_ = winograd_fits(spec_, placed_, in.channels);
    check_pass("forward", spec_.plan().forward());
    check_pass("data", spec_.plan().data());
    check_pass("weights", spec_.plan().weights());
  }

  void check_pass(std::string_view pass, proto::Algorithm algorithm) {
    if (algorithm != proto::WINOGRAD || winograd_fits_) return;
    builder_.fault(
        fmt::format(".convolution.plan.{}", pass),
        "WINOGRAD computes 3x3 convolutions with stride 1, padding of at most 1 and multiples of 16 channels "
        "and filters; take DIRECT here");
  }

  // Layouts of the forward kernel's choice; the input's own layout when there is a fast kernel for that.
  void place_activations() {
    const Shape& in = input_.shape;
    const Shape& out = output_.shape;
    src_dims_ = {builder_.rows(), in.channels, in.height, in.width};
    dst_dims_ = {builder_.rows(), out.channels, out.height, out.width};
    plain_weights_ = {out.channels, in.channels / spec_.groups(), placed_.window.kernel[0], placed_.window.kernel[1]};
    weights_dims_ = plain_weights_;
    if (spec_.groups() > 1) {
      weights_dims_.insert(weights_dims_.begin(), spec_.groups());
      weights_dims_[1] /= spec_.groups();
    }
    if (spec_.bias()) bias_ = onednn::plain({out.channels});
    plan_.set_forward(choose(
        plan_.forward(), [&] { return forward(any_src(), any_dst()); }, [&] { return forward_seconds(problem()); }));
    if (!by_winograd(plan_.forward())) {
      forward_ = forward(any_src(), any_dst());
      if (forward_.src_desc() != input_.layout) {
        PrimitiveDescriptor as_it_comes = forward(input_.layout, any_dst());
        if (as_it_comes && is_fast(as_it_comes)) forward_ = as_it_comes;
      }
      check_there(forward_);
    }
    src_ = builder_.in_layout(input_, forward_ ? forward_.src_desc() : image_layout(src_dims_));
    const Shape shape = output_.shape;
    output_ = builder_.activation(shape, forward_ ? forward_.dst_desc() : image_layout(dst_dims_),
                                  is_trained() || input_.wants_gradient());
  }

  bool is_trained() const { return builder_.is_trained("weights") || (spec_.bias() && builder_.is_trained("bias")); }

  Descriptor image_layout(const onednn::Dims& dims) const { return winograd::image_layout(dims, builder_.type()); }
  bool by_winograd(proto::Algorithm algorithm) const { return algorithm == proto::WINOGRAD && winograd::available(); }
  winograd::Problem problem() const {
    return {.rows = builder_.rows(),
            .channels = input_.shape.channels,
            .filters = output_.shape.channels,
            .height = input_.shape.height,
            .width = input_.shape.width,
            .output_height = output_.shape.height,
            .output_width = output_.shape.width,
            .pad_above = placed_.window.begin[0],
            .pad_left = placed_.window.begin[1],
            .is_bf16 = builder_.type() == onednn::Type::bf16,
            .threads = builder_.options().threads};
  }

  Descriptor any_src() const { return onednn::any(src_dims_, builder_.type()); }
  Descriptor any_dst() const { return onednn::any(dst_dims_, builder_.type()); }
  Descriptor any_weights() const { return onednn::any(weights_dims_, builder_.type()); }

  PrimitiveDescriptor forward(const Descriptor& src, const Descriptor& dst) const {
    return onednn::convolution_forward(placed_.window, src, any_weights(), bias_, dst);
  }

  // Both take a forward pass as hint.
  PrimitiveDescriptor backward_weights(const Descriptor& src, const Descriptor& diff_dst) const {
    return onednn::convolution_backward_weights(placed_.window, src, onednn::any(weights_dims_), bias_, diff_dst,
                                                forward(src, diff_dst));
  }

  PrimitiveDescriptor backward_data(const Descriptor& diff_src, const Descriptor& diff_dst) const {
    return onednn::convolution_backward_data(placed_.window, diff_src, any_weights(), diff_dst,
                                             forward(diff_src, diff_dst));
  }

  // What the plan says of one pass, or else what is best. `direct` makes its direct kernel.
  template <typename Direct, typename Seconds>
  proto::Algorithm choose(proto::Algorithm planned, const Direct& direct, const Seconds& winograd_seconds) const {
    if (planned != proto::AUTOMATIC) return planned;
    const NetworkOptions& options = builder_.options();
    if (!winograd_fits_ || options.plan == PlanChoice::kDirectOnly) return proto::DIRECT;
    if (options.plan == PlanChoice::kByShape) return algorithm_by_shape(builder_.rows(), placed_);
    return winograd_seconds() < seconds_of(direct()) ? proto::WINOGRAD : proto::DIRECT;
  }

  // An empty kernel means Winograd from here on.
  const PrimitiveDescriptor& check_there(const PrimitiveDescriptor& kernel) const {
    CHECK(kernel, "oneDNN has no kernel for {} at {}", builder_.name(), builder_.path());
    return kernel;
  }

  // Layouts of the activations as they are; others only where that leaves nothing but the reference loop.
  template <typename Make>
  PrimitiveDescriptor best_of(const Make& make) const {
    const PrimitiveDescriptor as_it_comes = make(src_.layout, output_.layout);
    if (as_it_comes && !onednn::is_reference(as_it_comes)) return as_it_comes;
    const PrimitiveDescriptor other = make(any_src(), any_dst());
    return other && (!as_it_comes || !onednn::is_reference(other)) ? other : as_it_comes;
  }

  // The kernel, or the first that writes where it may. The reference loop reads any layout.
  template <typename Make>
  PrimitiveDescriptor safe(const PrimitiveDescriptor& kernel, const Make& make) const {
    using Tag = dnnl::memory::format_tag;
    if (!kernel || !onednn::writes_past_scratchpad(kernel, placed_.window)) return kernel;
    PrimitiveDescriptor other;
    for (const Tag tag : {Tag::nChw16c, Tag::nChw8c, Tag::nchw}) {
      const PrimitiveDescriptor made =
          make(Descriptor(src_dims_, builder_.type(), tag), Descriptor(dst_dims_, builder_.type(), tag));
      if (!made || onednn::writes_past_scratchpad(made, placed_.window)) continue;
      other = made;
      if (!onednn::is_reference(other)) break;
    }
    return other;
  }

  // The weights lie as the kernel of their gradient writes it.
  void add_parameters() {
    const auto make = [&](const Descriptor& src, const Descriptor& dst) { return backward_weights(src, dst); };
    plan_.set_weights(choose(
        plan_.weights(), [&] { return make(src_.layout, output_.layout); },
        [&] { return backward_weights_seconds(problem()); }));
    if (!by_winograd(plan_.weights())) backward_weights_ = check_there(safe(best_of(make), make));
    weights_ = builder_.parameter(
        "weights", plain_weights_,
        backward_weights_ ? backward_weights_.diff_weights_desc() : winograd::weights_layout(plain_weights_),
        /*is_weights=*/true, 0);
    if (spec_.bias()) bias_parameter_ = builder_.parameter("bias", {spec_.filters()}, bias_, false, 0);
  }

  // Each adds the steps of a pass, and returns the name of its kernel.
  std::string add_forward() {
    const Descriptor layout = forward_ ? forward_.weights_desc() : winograd::weights_layout(plain_weights_);
    const Slot weights = builder_.parameter_in_layout(weights_, layout);
    Step step;
    if (forward_) {
      std::vector<Argument> arguments = {{DNNL_ARG_SRC, src_.layout, src_.values},
                                         {DNNL_ARG_WEIGHTS, layout, weights},
                                         {DNNL_ARG_DST, output_.layout, output_.values}};
      if (spec_.bias()) arguments.push_back({DNNL_ARG_BIAS, bias_, bias_parameter_.values});
      step = builder_.operation(forward_, arguments);
    } else {
      step = winograd::forward_step(builder_, problem(), src_.values, weights, bias_parameter_.values, output_.values);
    }
    builder_.on_forward(step.as("forward", flops() * builder_.rows()));
    return step.kernel;
  }

  // A copy in the wanted layout, made anew in every backward pass; nothing when it is the layout already.
  Slot copied(const Descriptor& from, Slot slot, const Descriptor& wanted) {
    if (from == wanted) return slot;
    const Slot made = builder_.array(wanted);
    builder_.on_backward(builder_.copy(from, slot, wanted, made));
    return made;
  }

  std::string add_backward_weights() {
    const Descriptor src = backward_weights_ ? backward_weights_.src_desc() : image_layout(src_dims_);
    const Descriptor diff_dst = backward_weights_ ? backward_weights_.diff_dst_desc() : image_layout(dst_dims_);
    const Slot values = copied(src_.layout, src_.values, src);
    const Slot gradient = copied(output_.layout, output_.gradient, diff_dst);
    Step step;
    if (backward_weights_) {
      std::vector<Argument> arguments = {{DNNL_ARG_SRC, src, values},
                                         {DNNL_ARG_DIFF_DST, diff_dst, gradient},
                                         {DNNL_ARG_DIFF_WEIGHTS, weights_.layout, weights_.gradient}};
      if (spec_.bias()) arguments.push_back({DNNL_ARG_DIFF_BIAS, bias_, bias_parameter_.gradient});
      step = builder_.gradient_operation(backward_weights_, arguments);
    } else {
      step = winograd::backward_weights_step(builder_, problem(), values, gradient, weights_.gradient,
                                             bias_parameter_.gradient);
    }
    builder_.on_backward(step.as("weights", flops() * builder_.rows()));
    return step.kernel;
  }

  std::string add_backward_data() {
    const auto make = [&](const Descriptor& src, const Descriptor& dst) { return backward_data(src, dst); };
    plan_.set_data(choose(
        plan_.data(), [&] { return make(src_.layout, output_.layout); },
        [&] { return forward_seconds(of_input_gradient(problem())); }));
    PrimitiveDescriptor kernel;
    if (!by_winograd(plan_.data())) kernel = check_there(best_of(make));
    const Descriptor diff_src = kernel ? kernel.diff_src_desc() : image_layout(src_dims_);
    const Descriptor diff_dst = kernel ? kernel.diff_dst_desc() : image_layout(dst_dims_);
    const Descriptor layout = kernel ? kernel.weights_desc() : winograd::turned_weights_layout(plain_weights_);
    const bool same = diff_src == src_.layout;
    const Slot written = same ? src_.gradient : builder_.array(diff_src);
    const Slot read = copied(output_.layout, output_.gradient, diff_dst);
    const Slot weights = builder_.parameter_in_layout(weights_, layout);
    const Step step = kernel ? builder_.operation(kernel, {{DNNL_ARG_DIFF_SRC, diff_src, written},
                                                           {DNNL_ARG_WEIGHTS, layout, weights},
                                                           {DNNL_ARG_DIFF_DST, diff_dst, read}})
                             : winograd::backward_data_step(builder_, problem(), read, weights, written);
    builder_.on_backward(step.as("data", flops() * builder_.rows()));
    if (!same) builder_.on_backward(builder_.copy(diff_src, written, src_.layout, src_.gradient));
    return step.kernel;
  }

  std::int64_t weight_count() const {
    return plain_weights_[0] * plain_weights_[1] * plain_weights_[2] * plain_weights_[3];
  }
  // Of one row.
  std::int64_t flops() const { return 2 * weight_count() * output_.shape.height * output_.shape.width; }

  void describe(std::string implementation) {
    std::string kind = fmt::format("convolution {}, {} filters", window_text(placed_, window_spec_), spec_.filters());
    if (spec_.groups() > 1) kind += fmt::format(", {} groups", spec_.groups());
    builder_.describe({.name = builder_.name(),
                       .kind = kind,
                       .output = output_.shape.text(),
                       .parameters = weight_count() + (spec_.bias() ? spec_.filters() : 0),
                       .forward_flops = flops(),
                       .training_flops = flops() * (1 + int(is_trained()) + int(input_.wants_gradient())),
                       .implementation = std::move(implementation)});
  }

  static bool is_fast(const PrimitiveDescriptor& descriptor) {
    const std::string name = onednn::implementation_of(descriptor);
    return name.starts_with("jit") || name.starts_with("brg");
  }

  Builder& builder_;
  proto::Convolution& spec_;
  const Activation& input_;
  WindowSpec window_spec_;
  PlacedWindow placed_;
  bool winograd_fits_ = false;
  proto::ConvolutionPlan plan_;
  onednn::Dims src_dims_, dst_dims_, weights_dims_, plain_weights_;
  Descriptor bias_;
  PrimitiveDescriptor forward_, backward_weights_;  // empty: by Winograd
  Activation src_, output_;
  Parameter weights_, bias_parameter_;
};

}  // namespace

Activation build_convolution(Builder& builder, proto::Convolution& spec, const Activation& input) {
  return ConvolutionBuilder(builder, spec, input).build();
}

}  // namespace lockstep
