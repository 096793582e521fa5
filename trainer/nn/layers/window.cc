#include "trainer/nn/layers/window.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace lockstep {
namespace {

struct Axis {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t output = 0;  // below 1: the image is too small
};

Axis place_axis(std::int64_t input, std::int64_t extent, std::int64_t stride, const WindowSpec& spec) {
  if (spec.same) {
    const std::int64_t output = (input + stride - 1) / stride;
    const std::int64_t padding = std::max<std::int64_t>((output - 1) * stride + extent - input, 0);
    return {padding / 2, padding - padding / 2, output};
  }
  const std::int64_t padded = input + 2 * spec.pixels;
  return {spec.pixels, spec.pixels, padded < extent ? 0 : (padded - extent) / stride + 1};
}

}  // namespace

bool pair_of(const google::protobuf::RepeatedField<std::int32_t>& values, std::string_view field, std::string_view what,
             Builder& builder, onednn::Dims& pair) {
  if (values.size() == 1 || values.size() == 2) {
    pair = {values[0], values[values.size() - 1]};
    return true;
  }
  builder.fault(fmt::format("{}.{}", field, what),
                fmt::format("expected one value for height and width, or two; got {}", values.size()));
  return false;
}

std::string pair_text(const onednn::Dims& pair) {
  return pair[0] == pair[1] ? fmt::format("{}", pair[0]) : fmt::format("{}x{}", pair[0], pair[1]);
}

PlacedWindow place_window(const WindowSpec& spec, const Shape& input, std::string_view field, Builder& builder) {
  PlacedWindow placed;
  onednn::Window& window = placed.window;
  if (!pair_of(spec.kernel, field, "kernel", builder, window.kernel)) return placed;
  if (spec.stride_is_kernel) window.stride = window.kernel;
  if (!spec.stride.empty() && !pair_of(spec.stride, field, "stride", builder, window.stride)) return placed;
  window.dilation = {spec.dilation - 1, spec.dilation - 1};
  const onednn::Dims extent = {(window.kernel[0] - 1) * spec.dilation + 1, (window.kernel[1] - 1) * spec.dilation + 1};
  const Axis vertical = place_axis(input.height, extent[0], window.stride[0], spec);
  const Axis horizontal = place_axis(input.width, extent[1], window.stride[1], spec);
  window.begin = {vertical.begin, horizontal.begin};
  window.end = {vertical.end, horizontal.end};
  if (vertical.output < 1 || horizontal.output < 1) {
    builder.fault(fmt::format("{}.kernel", field),
                  fmt::format("the image is too small: expected at least {} x {} pixels, got {} x {}{}; use a smaller "
                              "kernel, padding: SAME, or less pooling before it",
                              extent[0], extent[1], input.height, input.width,
                              spec.pixels > 0 ? fmt::format(" and {} of padding on each side", spec.pixels) : ""));
    // As with padding: SAME, so that the layers behind are not said to have too small an image, too.
    placed.output_height = (input.height + window.stride[0] - 1) / window.stride[0];
    placed.output_width = (input.width + window.stride[1] - 1) / window.stride[1];
    return placed;
  }
  placed.output_height = vertical.output;
  placed.output_width = horizontal.output;
  return placed;
}

bool check_image(const Shape& input, std::string_view field, std::string_view what, Builder& builder) {
  if (!input.flat) return true;
  builder.fault(field, fmt::format("{} needs an image: expected channels x height x width, got {} values a row; put it "
                                   "before flatten, global pooling and dense layers",
                                   what, input.values()));
  return false;
}

std::string window_text(const PlacedWindow& placed, const WindowSpec& spec) {
  const onednn::Window& window = placed.window;
  std::string text = fmt::format("{}x{}", window.kernel[0], window.kernel[1]);
  if (window.stride != onednn::Dims{1, 1}) text += ", stride " + pair_text(window.stride);
  if (spec.same) text += ", padding SAME";
  if (spec.pixels > 0) text += fmt::format(", padding {}", spec.pixels);
  if (spec.dilation > 1) text += fmt::format(", dilation {}", spec.dilation);
  return text;
}

}  // namespace lockstep
