#include "trainer/nn/layers/pooling.h"

#include <algorithm>

#include <fmt/format.h>

#include "trainer/nn/layers/window.h"

namespace lockstep {
namespace {

// Checked before: `placed` fits the input.
Activation add_pooling(Builder& builder, dnnl::algorithm algorithm, const PlacedWindow& placed, std::string kind,
                       const Activation& input, const Shape& shape) {
  const auto forward = onednn::pooling_forward(
      algorithm, placed.window, input.layout,
      onednn::any({builder.rows(), shape.channels, shape.height, shape.width}, onednn::type_of(input.layout)));
  CHECK(forward, "oneDNN has no pooling for {}", builder.name());
  const Activation output = builder.activation(shape, forward.dst_desc(), input.wants_gradient());
  std::vector<Argument> arguments = {{DNNL_ARG_SRC, input.layout, input.values},
                                     {DNNL_ARG_DST, output.layout, output.values}};
  std::vector<Argument> backward_arguments = {{DNNL_ARG_DIFF_DST, output.layout, output.gradient},
                                              {DNNL_ARG_DIFF_SRC, input.layout, input.gradient}};
  const onednn::Descriptor workspace = forward.workspace_desc();
  if (!workspace.is_zero()) {
    const Slot slot = builder.array(workspace);
    arguments.push_back({DNNL_ARG_WORKSPACE, workspace, slot});
    backward_arguments.push_back({DNNL_ARG_WORKSPACE, workspace, slot});
  }
  builder.on_forward(builder.operation(forward, arguments));
  if (input.wants_gradient()) {
    const auto backward = onednn::pooling_backward(algorithm, placed.window, input.layout, output.layout, forward);
    builder.on_backward(builder.operation(backward, backward_arguments));
  }
  builder.describe({.name = builder.name(),
                    .kind = std::move(kind),
                    .output = shape.text(),
                    .implementation = onednn::implementation_of(forward)});
  return output;
}

Activation build_pooling(Builder& builder, dnnl::algorithm algorithm, std::string_view kind, const proto::Pooling& spec,
                         const Activation& input) {
  const std::string field = fmt::format(".{}_pooling", kind);
  WindowSpec window = window_spec(spec);
  window.stride_is_kernel = true;
  PlacedWindow placed;
  if (check_image(input.shape, field, "pooling", builder)) {
    placed = place_window(window, input.shape, field, builder);
    if (window.pixels > 0 && window.pixels >= std::min(placed.window.kernel[0], placed.window.kernel[1])) {
      builder.fault(field + ".padding_pixels",
                    fmt::format("expected less than the kernel ({} x {}), got {}: a window would see padding only",
                                placed.window.kernel[0], placed.window.kernel[1], window.pixels));
    }
  }
  const Shape shape = {input.shape.channels, placed.output_height, placed.output_width};
  builder.check_size(field, "the outputs of a slice", double(builder.rows()) * double(shape.values()));
  if (builder.faulty()) return {.shape = shape};
  return add_pooling(builder, algorithm, placed, fmt::format("{} pooling {}", kind, window_text(placed, window)), input,
                     shape);
}

}  // namespace

Activation build_max_pooling(Builder& builder, const proto::Pooling& spec, const Activation& input) {
  return build_pooling(builder, dnnl::algorithm::pooling_max, "max", spec, input);
}

Activation build_average_pooling(Builder& builder, const proto::Pooling& spec, const Activation& input) {
  return build_pooling(builder, dnnl::algorithm::pooling_avg_exclude_padding, "average", spec, input);
}

Activation build_global_pooling(Builder& builder, const Activation& input) {
  check_image(input.shape, ".global_pooling", "global pooling", builder);
  const Shape shape = {.channels = input.shape.channels, .flat = true};
  if (builder.faulty()) return {.shape = shape};
  PlacedWindow whole;
  whole.window.kernel = {input.shape.height, input.shape.width};
  return add_pooling(builder, dnnl::algorithm::pooling_avg_exclude_padding, whole, "global pooling", input, shape);
}

}  // namespace lockstep
