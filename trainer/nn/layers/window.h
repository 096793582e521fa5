// How a kernel moves over an image, from what the model says of it.
#pragma once

#include <cstdint>

#include <google/protobuf/repeated_field.h>

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"
#include "trainer/nn/kernels/placed_window.h"

namespace lockstep {

// The fields that convolution and pooling have in common.
struct WindowSpec {
  const google::protobuf::RepeatedField<std::int32_t>& kernel;
  const google::protobuf::RepeatedField<std::int32_t>& stride;  // empty: default_stride
  bool same = false;              // output is ceil(input / stride), the odd extra at the end
  std::int32_t pixels = 0;        // padding on each side when not `same`
  std::int32_t dilation = 1;      // distance between taps: 1 means adjacent
  bool stride_is_kernel = false;  // what an empty stride means: the kernel, else 1
};

template <typename Spec>
WindowSpec window_spec(const Spec& spec) {
  return {.kernel = spec.kernel(),
          .stride = spec.stride(),
          .same = spec.border_case() == Spec::kPadding && spec.padding() == proto::SAME,
          .pixels = spec.border_case() == Spec::kPaddingPixels ? spec.padding_pixels() : 0};
}

// Whether there is one value for height and width, or two: puts them into the pair. Else a fault at `field`.`what`, as
// ".convolution.kernel".
bool pair_of(const google::protobuf::RepeatedField<std::int32_t>& values, std::string_view field, std::string_view what,
             Builder& builder, onednn::Dims& pair);
// "3", or "3x1" where they differ.
std::string pair_text(const onednn::Dims& pair);

// Faults, at `field` of the layer (as ".convolution"): a kernel or stride of not one or two values; an image too small.
// `input` is an image. After a fault the output is that of padding SAME, or 1 x 1.
PlacedWindow place_window(const WindowSpec& spec, const Shape& input, std::string_view field, Builder& builder);

// Faults when the input is no image any more; `what` as "a convolution".
bool check_image(const Shape& input, std::string_view field, std::string_view what, Builder& builder);

// "3x3", and what is not the default, as "3x3, stride 2, padding SAME".
std::string window_text(const PlacedWindow& placed, const WindowSpec& spec);

}  // namespace lockstep
