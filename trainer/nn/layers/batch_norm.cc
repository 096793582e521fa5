#include "trainer/nn/layers/batch_norm.h"

#include <utility>

#include <fmt/format.h>

namespace lockstep {
namespace {

using Flags = dnnl::normalization_flags;
using onednn::Descriptor;
using onednn::PrimitiveDescriptor;

class BatchNormBuilder {
 public:
  BatchNormBuilder(Builder& builder, const proto::BatchNorm& spec, const Activation& input)
      : builder_(builder), spec_(spec), input_(input) {}

  Activation build() {
    check_values();
    if (builder_.faulty()) return input_;
    if (input_.shape.flat) as_pixels();
    channels_ = input_.shape.flat ? input_.shape.values() : input_.shape.channels;
    if (spec_.relu()) flags_ |= Flags::fuse_norm_relu;
    vector_ = onednn::plain({channels_});
    const bool is_trained = builder_.is_trained("scale");
    output_ = builder_.activation(input_.shape, input_.layout, is_trained || input_.wants_gradient());
    scale_ = builder_.parameter("scale", {channels_}, vector_, /*is_weights=*/false, spec_.zero_scale() ? 0 : 1);
    shift_ = builder_.parameter("shift", {channels_}, vector_, /*is_weights=*/false, 0);
    is_trained ? add_trained() : add_frozen();
    describe(is_trained);
    if (output_.shape.flat) output_ = builder_.as_matrix(output_);
    return output_;
  }

 private:
  // Of a channel in a slice.
  std::int64_t values() const {
    return builder_.rows() * (input_.shape.flat ? 1 : input_.shape.height * input_.shape.width);
  }

  void check_values() {
    const bool is_trained = builder_.is_trained("scale");
    if (is_trained != builder_.is_trained("shift")) {
      builder_.fault(".batch_norm",
                     fmt::format("frozen is {0}/{1}, but not {0}/{2}: a batch norm is frozen whole, with its running "
                                 "statistics, or not at all; match \"{0}/*\"",
                                 builder_.name(), is_trained ? "shift" : "scale", is_trained ? "scale" : "shift"));
    }
    // One value less its mean is 0: nothing of the input would come through.
    if (values() > 1 || !is_trained) return;
    builder_.fault(
        ".batch_norm",
        fmt::format("{} normalizes over one value a channel ({} a row, one row in a slice): expected at least "
                    "2; use fewer slices or a larger batch, or no batch norm here",
                    builder_.name(), input_.shape.text()));
  }

  void as_pixels() {
    input_ = builder_.as_matrix(input_);
    input_.layout = onednn::plain({builder_.rows(), input_.shape.values(), 1, 1}, onednn::type_of(input_.layout));
  }

  std::vector<Argument> forward_arguments(Slot mean, Slot variance) const {
    return {{DNNL_ARG_SRC, input_.layout, input_.values},
            {DNNL_ARG_DST, output_.layout, output_.values},
            {DNNL_ARG_SCALE, vector_, scale_.values},
            {DNNL_ARG_SHIFT, vector_, shift_.values},
            {DNNL_ARG_MEAN, vector_, mean},
            {DNNL_ARG_VARIANCE, vector_, variance}};
  }

  // In training with the slice's statistics, in evaluation with the running ones.
  void add_trained() {
    const Slot mean = builder_.array(vector_);
    const Slot variance = builder_.array(vector_);
    const auto running_mean = builder_.statistic("running_mean", channels_, spec_.momentum(), 0);
    const auto running_variance = builder_.statistic("running_variance", channels_, spec_.momentum(), 1);
    add_training(flags_, mean, variance, /*is_trained=*/true);
    add_evaluation(running_mean.buffer, running_variance.buffer);
    add_statistics(mean, variance, running_mean, running_variance);
  }

  // A scale and a shift of each channel that never change.
  void add_frozen() {
    const Slot mean = builder_.frozen_statistic("running_mean", channels_, 0);
    const Slot variance = builder_.frozen_statistic("running_variance", channels_, 1);
    add_training(flags_ | Flags::use_global_stats, mean, variance, /*is_trained=*/false);
    add_evaluation(mean, variance);
  }

  void add_training(Flags flags, Slot mean, Slot variance, bool is_trained) {
    forward_ =
        onednn::batch_normalization_forward(dnnl::prop_kind::forward_training, input_.layout, spec_.epsilon(), flags);
    CHECK(forward_, "oneDNN has no batch norm for {}", builder_.name());
    std::vector<Argument> arguments = forward_arguments(mean, variance);
    const Descriptor workspace = forward_.workspace_desc();
    if (!workspace.is_zero()) arguments.push_back({DNNL_ARG_WORKSPACE, workspace, builder_.array(workspace)});
    builder_.on_training(builder_.operation(forward_, arguments));
    if (!output_.wants_gradient()) return;
    const auto backward = onednn::batch_normalization_backward(input_.layout, spec_.epsilon(), flags, forward_);
    // oneDNN writes all three gradients in any case.
    const Slot input_gradient = input_.wants_gradient() ? input_.gradient : builder_.array(input_.layout);
    std::vector<Argument> backward_arguments = {{DNNL_ARG_SRC, input_.layout, input_.values},
                                                {DNNL_ARG_MEAN, vector_, mean},
                                                {DNNL_ARG_VARIANCE, vector_, variance},
                                                {DNNL_ARG_SCALE, vector_, scale_.values},
                                                {DNNL_ARG_DIFF_DST, output_.layout, output_.gradient},
                                                {DNNL_ARG_DIFF_SRC, input_.layout, input_gradient},
                                                {DNNL_ARG_DIFF_SCALE, vector_, scale_.gradient},
                                                {DNNL_ARG_DIFF_SHIFT, vector_, shift_.gradient}};
    if (onednn::kBatchNormBackwardTakesShift) backward_arguments.push_back({DNNL_ARG_SHIFT, vector_, shift_.values});
    if (!workspace.is_zero()) backward_arguments.push_back(arguments.back());
    builder_.on_backward(is_trained ? builder_.gradient_operation(backward, backward_arguments)
                                    : builder_.operation(backward, backward_arguments));
  }

  void add_evaluation(Slot mean, Slot variance) {
    const auto evaluation = onednn::batch_normalization_forward(dnnl::prop_kind::forward_inference, input_.layout,
                                                                spec_.epsilon(), flags_ | Flags::use_global_stats);
    builder_.on_evaluation(builder_.operation(evaluation, forward_arguments(mean, variance)));
  }

  void add_statistics(Slot mean, Slot variance, const Builder::Statistic& running_mean,
                      const Builder::Statistic& running_variance) {
    const std::int64_t count = values();
    const float unbiased = float(double(count) / double(count - 1));
    const Slot part = builder_.array(vector_);
    const auto run = [&memory = builder_.memory(), &parameters = builder_.parameters(), channels = channels_, unbiased,
                      part, mean, variance, mean_offset = running_mean.offset,
                      variance_offset = running_variance.offset](const Pass& pass) {
      const auto put = [&](Slot values, float scale, std::size_t offset) {
        const float* const from = memory.data(values);
        float* const scaled = memory.data(part);
        for (std::int64_t c = 0; c < channels; ++c) scaled[c] = pass.statistics_scale * (scale * from[c]);
        pass.gradients.put(parameters.elements() + offset, scaled, std::size_t(channels));
      };
      put(mean, 1, mean_offset);
      put(variance, unbiased, variance_offset);
    };
    builder_.on_training({.run = run, .slots = {mean, variance, part}});
  }

  void describe(bool is_trained) {
    builder_.describe(
        {.name = builder_.name(),
         .kind = fmt::format("{}batch norm{}", is_trained ? "" : "frozen ", spec_.relu() ? " + relu" : ""),
         .output = output_.shape.text(),
         .parameters = 2 * channels_,
         .implementation = onednn::implementation_of(forward_)});
  }

  Builder& builder_;
  const proto::BatchNorm& spec_;
  Activation input_;
  std::int64_t channels_ = 0;
  Flags flags_ = Flags::use_scale | Flags::use_shift;
  Descriptor vector_;
  Activation output_;
  Parameter scale_, shift_;
  PrimitiveDescriptor forward_;
};

}  // namespace

Activation build_batch_norm(Builder& builder, const proto::BatchNorm& spec, const Activation& input) {
  return BatchNormBuilder(builder, spec, input).build();
}

}  // namespace lockstep
