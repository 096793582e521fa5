#include "trainer/nn/batch_norm.h"

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
    output_ = builder_.activation(input_.shape, input_.layout, /*wants_gradient=*/true);
    output_.overwritable = true;
    // oneDNN writes the gradient of the input in any case.
    input_gradient_ = input_.wants_gradient() ? input_.gradient : builder_.array(input_.layout);
    scale_ = builder_.parameter("scale", {channels_}, vector_, /*is_weights=*/false, spec_.zero_scale() ? 0 : 1);
    shift_ = builder_.parameter("shift", {channels_}, vector_, /*is_weights=*/false, 0);
    mean_ = builder_.array(vector_);
    variance_ = builder_.array(vector_);
    running_mean_ = builder_.statistic("running_mean", channels_, spec_.momentum(), 0);
    running_variance_ = builder_.statistic("running_variance", channels_, spec_.momentum(), 1);
    add_training();
    add_evaluation();
    add_statistics();
    describe();
    if (output_.shape.flat) output_ = builder_.as_matrix(output_);
    return output_;
  }

 private:
  // Of a channel in a slice.
  std::int64_t values() const {
    return builder_.rows() * (input_.shape.flat ? 1 : input_.shape.height * input_.shape.width);
  }

  // One value less its mean is 0: nothing of the input would come through.
  void check_values() {
    if (values() > 1) return;
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

  void add_training() {
    forward_ =
        onednn::batch_normalization_forward(dnnl::prop_kind::forward_training, input_.layout, spec_.epsilon(), flags_);
    CHECK(forward_, "oneDNN has no batch norm for {}", builder_.name());
    const auto backward = onednn::batch_normalization_backward(input_.layout, spec_.epsilon(), flags_, forward_);
    std::vector<Argument> arguments = forward_arguments(mean_, variance_);
    std::vector<Argument> backward_arguments = {{DNNL_ARG_SRC, input_.layout, input_.values},
                                                {DNNL_ARG_MEAN, vector_, mean_},
                                                {DNNL_ARG_VARIANCE, vector_, variance_},
                                                {DNNL_ARG_SCALE, vector_, scale_.values},
                                                {DNNL_ARG_DIFF_DST, output_.layout, output_.gradient},
                                                {DNNL_ARG_DIFF_SRC, input_.layout, input_gradient_},
                                                {DNNL_ARG_DIFF_SCALE, vector_, scale_.gradient},
                                                {DNNL_ARG_DIFF_SHIFT, vector_, shift_.gradient}};
    if (onednn::kBatchNormBackwardTakesShift) backward_arguments.push_back({DNNL_ARG_SHIFT, vector_, shift_.values});
    const Descriptor workspace = forward_.workspace_desc();
    if (!workspace.is_zero()) {
      const Slot slot = builder_.array(workspace);
      arguments.push_back({DNNL_ARG_WORKSPACE, workspace, slot});
      backward_arguments.push_back({DNNL_ARG_WORKSPACE, workspace, slot});
    }
    builder_.on_training(builder_.operation(forward_, arguments));
    builder_.on_backward(builder_.gradient_operation(backward, backward_arguments));
  }

  void add_evaluation() {
    const auto evaluation = onednn::batch_normalization_forward(dnnl::prop_kind::forward_inference, input_.layout,
                                                                spec_.epsilon(), flags_ | Flags::use_global_stats);
    builder_.on_evaluation(
        builder_.operation(evaluation, forward_arguments(running_mean_.buffer, running_variance_.buffer)));
  }

  void add_statistics() {
    const std::int64_t count = values();
    const float unbiased = float(double(count) / double(count - 1));
    const Slot part = builder_.array(vector_);
    const auto run = [&memory = builder_.memory(), &parameters = builder_.parameters(), channels = channels_, unbiased,
                      part, mean = mean_, variance = variance_, mean_offset = running_mean_.offset,
                      variance_offset = running_variance_.offset](const Pass& pass) {
      const auto put = [&](Slot values, float scale, std::size_t offset) {
        const float* const from = memory.data(values);
        float* const scaled = memory.data(part);
        for (std::int64_t c = 0; c < channels; ++c) scaled[c] = pass.statistics_scale * (scale * from[c]);
        pass.gradients.put(arena_elements(parameters) + offset, scaled, std::size_t(channels));
      };
      put(mean, 1, mean_offset);
      put(variance, unbiased, variance_offset);
    };
    builder_.on_training({.run = run, .slots = {mean_, variance_, part}});
  }

  void describe() {
    builder_.describe({.name = builder_.name(),
                       .kind = spec_.relu() ? "batch norm + relu" : "batch norm",
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
  Slot input_gradient_ = Slot::kNone;
  Parameter scale_, shift_;
  Slot mean_ = Slot::kNone, variance_ = Slot::kNone;
  Builder::Statistic running_mean_{}, running_variance_{};
  PrimitiveDescriptor forward_;
};

}  // namespace

Activation build_batch_norm(Builder& builder, const proto::BatchNorm& spec, const Activation& input) {
  return BatchNormBuilder(builder, spec, input).build();
}

}  // namespace lockstep
