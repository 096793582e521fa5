#include "trainer/nn/convolution.h"

#include <utility>

#include <fmt/format.h>

#include "trainer/nn/convolution_plan.h"

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
    build_forward();
    build_backward_weights();
    add_forward();
    add_backward_weights();
    std::string implementation = "forward " + onednn::implementation_of(forward_);
    if (input_.wants_gradient()) implementation += ", data " + add_backward_data();
    describe(implementation + ", weights " + onednn::implementation_of(backward_weights_));
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

  // Layouts of the kernel's choice; the input's own layout when there is a fast kernel for that.
  void build_forward() {
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
    const auto make = [&](const Descriptor& src) {
      return planned(plan_.forward(), [&](auto algorithm) { return forward(algorithm, src, any_dst()); });
    };
    plan_.set_forward(choose(plan_.forward(), [&](auto it) { return forward(it, any_src(), any_dst()); }));
    forward_ = make(any_src());
    if (forward_.src_desc() != input_.layout) {
      PrimitiveDescriptor as_it_comes = make(input_.layout);
      if (as_it_comes && is_fast(as_it_comes)) forward_ = as_it_comes;
    }
    src_ = builder_.in_layout(input_, forward_.src_desc());
    const Shape shape = output_.shape;
    output_ = builder_.activation(shape, forward_.dst_desc(), /*wants_gradient=*/true);
    output_.overwritable = true;
  }

  Descriptor any_src() const { return onednn::any(src_dims_, builder_.type()); }
  Descriptor any_dst() const { return onednn::any(dst_dims_, builder_.type()); }
  Descriptor any_weights() const { return onednn::any(weights_dims_, builder_.type()); }

  PrimitiveDescriptor forward(dnnl::algorithm algorithm, const Descriptor& src, const Descriptor& dst) const {
    return onednn::convolution_forward(algorithm, placed_.window, src, any_weights(), bias_, dst);
  }

  // Each takes a forward pass of its own algorithm as hint.
  PrimitiveDescriptor backward_weights(dnnl::algorithm algorithm, const Descriptor& src,
                                       const Descriptor& diff_dst) const {
    return onednn::convolution_backward_weights(algorithm, placed_.window, src, onednn::any(weights_dims_), bias_,
                                                diff_dst, forward(algorithm, src, diff_dst));
  }

  PrimitiveDescriptor backward_data(dnnl::algorithm algorithm, const Descriptor& diff_src,
                                    const Descriptor& diff_dst) const {
    return onednn::convolution_backward_data(algorithm, placed_.window, diff_src, any_weights(), diff_dst,
                                             forward(algorithm, diff_src, diff_dst));
  }

  // What the plan says of one pass, or else what is best.
  template <typename Make>
  proto::Algorithm choose(proto::Algorithm planned, Make make) const {
    if (planned != proto::AUTOMATIC) return planned;
    const NetworkOptions& options = builder_.options();
    const bool direct_only = options.precision == Precision::kBf16 || options.plan == PlanChoice::kDirectOnly;
    if (!winograd_fits_ || direct_only) return proto::DIRECT;
    if (options.plan == PlanChoice::kByShape) return algorithm_by_shape(builder_.rows(), placed_);
    const double direct = seconds_of(make(dnnl::algorithm::convolution_direct));
    const double winograd = seconds_of(make(dnnl::algorithm::convolution_winograd));
    return winograd < direct ? proto::WINOGRAD : proto::DIRECT;
  }

  // The kernel of one pass; direct where oneDNN has none for Winograd.
  template <typename Make>
  PrimitiveDescriptor planned(proto::Algorithm algorithm, Make make) const {
    PrimitiveDescriptor winograd;
    const bool fp32 = builder_.options().precision == Precision::kFp32;
    if (algorithm == proto::WINOGRAD && fp32) winograd = make(dnnl::algorithm::convolution_winograd);
    return winograd ? winograd : make(dnnl::algorithm::convolution_direct);
  }

  // Layouts of the activations as they are; others only where that leaves nothing but the reference loop.
  template <typename Make>
  PrimitiveDescriptor best_of(proto::Algorithm algorithm, Make make) const {
    const auto with = [&](const Descriptor& src, const Descriptor& dst) {
      return planned(algorithm, [&](dnnl::algorithm it) { return make(it, src, dst); });
    };
    const PrimitiveDescriptor as_it_comes = with(src_.layout, output_.layout);
    if (as_it_comes && !onednn::is_reference(as_it_comes)) return as_it_comes;
    const PrimitiveDescriptor other = with(any_src(), any_dst());
    return other && (!as_it_comes || !onednn::is_reference(other)) ? other : as_it_comes;
  }

  void build_backward_weights() {
    const auto make = [&](auto... arguments) { return backward_weights(arguments...); };
    plan_.set_weights(choose(plan_.weights(), [&](auto it) { return make(it, src_.layout, output_.layout); }));
    backward_weights_ = best_of(plan_.weights(), make);
    weights_ =
        builder_.parameter("weights", plain_weights_, backward_weights_.diff_weights_desc(), /*is_weights=*/true, 0);
    if (spec_.bias()) bias_parameter_ = builder_.parameter("bias", {spec_.filters()}, bias_, false, 0);
  }

  void add_forward() {
    const Descriptor layout = forward_.weights_desc();
    std::vector<Argument> arguments = {{DNNL_ARG_SRC, src_.layout, src_.values},
                                       {DNNL_ARG_WEIGHTS, layout, builder_.parameter_in_layout(weights_, layout)},
                                       {DNNL_ARG_DST, output_.layout, output_.values}};
    if (spec_.bias()) arguments.push_back({DNNL_ARG_BIAS, bias_, bias_parameter_.values});
    builder_.on_forward(builder_.operation(forward_, arguments).as("forward", flops() * builder_.rows()));
  }

  // A copy in the wanted layout, made anew in every backward pass; nothing when it is the layout already.
  Slot copied(const Descriptor& from, Slot slot, const Descriptor& wanted) {
    if (from == wanted) return slot;
    const Slot made = builder_.array(wanted);
    builder_.on_backward(builder_.copy(from, slot, wanted, made));
    return made;
  }

  void add_backward_weights() {
    const Descriptor src = backward_weights_.src_desc();
    const Descriptor diff_dst = backward_weights_.diff_dst_desc();
    std::vector<Argument> arguments = {
        {DNNL_ARG_SRC, src, copied(src_.layout, src_.values, src)},
        {DNNL_ARG_DIFF_DST, diff_dst, copied(output_.layout, output_.gradient, diff_dst)},
        {DNNL_ARG_DIFF_WEIGHTS, weights_.layout, weights_.gradient}};
    if (spec_.bias()) arguments.push_back({DNNL_ARG_DIFF_BIAS, bias_, bias_parameter_.gradient});
    builder_.on_backward(
        builder_.gradient_operation(backward_weights_, arguments).as("weights", flops() * builder_.rows()));
  }

  std::string add_backward_data() {
    const auto make = [&](auto... arguments) { return backward_data(arguments...); };
    plan_.set_data(choose(plan_.data(), [&](auto it) { return make(it, src_.layout, output_.layout); }));
    const PrimitiveDescriptor kernel = best_of(plan_.data(), make);
    const Descriptor diff_src = kernel.diff_src_desc();
    const Descriptor diff_dst = kernel.diff_dst_desc();
    const Descriptor layout = kernel.weights_desc();
    const bool same = diff_src == src_.layout;
    const Slot written = same ? src_.gradient : builder_.array(diff_src);
    const Slot read = copied(output_.layout, output_.gradient, diff_dst);
    const Step step =
        builder_.operation(kernel, {{DNNL_ARG_DIFF_SRC, diff_src, written},
                                    {DNNL_ARG_WEIGHTS, layout, builder_.parameter_in_layout(weights_, layout)},
                                    {DNNL_ARG_DIFF_DST, diff_dst, read}});
    builder_.on_backward(step.as("data", flops() * builder_.rows()));
    if (!same) builder_.on_backward(builder_.copy(diff_src, written, src_.layout, src_.gradient));
    return onednn::implementation_of(kernel);
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
                       .training_flops = flops() * (input_.wants_gradient() ? 3 : 2),
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
  PrimitiveDescriptor forward_, backward_weights_;
  Activation src_, output_;
  Parameter weights_, bias_parameter_;
};

}  // namespace

Activation build_convolution(Builder& builder, proto::Convolution& spec, const Activation& input) {
  return ConvolutionBuilder(builder, spec, input).build();
}

}  // namespace lockstep
