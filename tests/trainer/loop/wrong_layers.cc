// Layers that do not fit, and fields out of their limits.
#include "tests/trainer/loop/wrong_models.h"

namespace lockstep {

const std::vector<WrongModel>& models_with_wrong_layers() {
  static const std::vector<WrongModel> kModels = {
      {.name = "image_too_small",
       .faulty = R"(layer { max_pooling { kernel: 2 } }
layer { convolution { filters: 4 kernel: 5 } })",
       .mended = R"(layer { max_pooling { kernel: 2 } }
layer { convolution { filters: 4 kernel: 3 } })",
       .faults = {{2, "layer[1].convolution.kernel",
                   "the image is too small: expected at least 5 x 5 pixels, got 3 x 3; use a smaller kernel, padding: "
                   "SAME, or less pooling before it"}}},
      {.name = "window_too_large",
       .faulty = "layer { average_pooling { kernel: [2, 7] } }",
       .mended = "layer { average_pooling { kernel: [2, 6] } }",
       .faults = {{1, "layer[0].average_pooling.kernel",
                   "the image is too small: expected at least 2 x 7 pixels, got 6 x 6; use a smaller kernel, padding: "
                   "SAME, or less pooling before it"}}},
      {.name = "dilated_kernel_too_large",
       .faulty = "layer { convolution { filters: 4 kernel: 3 dilation: 3 } }",
       .mended = "layer { convolution { filters: 4 kernel: 3 dilation: 2 } }",
       .faults = {{1, "layer[0].convolution.kernel",
                   "the image is too small: expected at least 7 x 7 pixels, got 6 x 6; use a smaller kernel, padding: "
                   "SAME, or less pooling before it"}}},
      {.name = "groups_not_dividing_channels",
       .faulty = "layer { convolution { filters: 6 kernel: 3 groups: 3 } }",
       .mended = "layer { convolution { filters: 6 kernel: 3 groups: 2 } }",
       .faults = {{1, "layer[0].convolution.groups",
                   "expected a divisor of both the input's channels (4) and filters (6), got 3"}}},
      {.name = "groups_not_dividing_filters",
       .faulty = "layer { convolution { filters: 7 kernel: 3 groups: 2 } }",
       .mended = "layer { convolution { filters: 8 kernel: 3 groups: 2 } }",
       .faults = {{1, "layer[0].convolution.groups",
                   "expected a divisor of both the input's channels (4) and filters (7), got 2"}}},
      {.name = "three_kernel_sizes",
       .faulty = "layer { convolution { filters: 4 kernel: [3, 3, 3] } }",
       .mended = "layer { convolution { filters: 4 kernel: [3, 3] } }",
       .faults = {{1, "layer[0].convolution.kernel", "expected one value for height and width, or two; got 3"}}},
      {.name = "three_strides",
       .faulty = "layer { max_pooling { kernel: 2 stride: [1, 1, 1] } }",
       .mended = "layer { max_pooling { kernel: 2 stride: [1, 1] } }",
       .faults = {{1, "layer[0].max_pooling.stride", "expected one value for height and width, or two; got 3"}}},
      {.name = "padding_as_large_as_the_window",
       .faulty = "layer { max_pooling { kernel: 2 padding_pixels: 2 } }",
       .mended = "layer { max_pooling { kernel: 2 padding_pixels: 1 } }",
       .faults = {{1, "layer[0].max_pooling.padding_pixels",
                   "expected less than the kernel (2 x 2), got 2: a window would see padding only"}}},
      {.name = "upsampling_after_flatten",
       .faulty = R"(layer { flatten {} }
layer { upsampling { scale: 2 } })",
       .mended = R"(layer { upsampling { scale: 2 } }
layer { flatten {} })",
       .faults = {{2, "layer[1].upsampling",
                   "upsampling needs an image: expected channels x height x width, got 144 values a row; put it "
                   "before flatten, global pooling and dense layers"}}},
      {.name = "three_scales",
       .faulty = "layer { upsampling { scale: [2, 2, 2] } }",
       .mended = "layer { upsampling { scale: [2, 3] } }",
       .faults = {{1, "layer[0].upsampling.scale", "expected one value for height and width, or two; got 3"}}},
      {.name = "upsampling_too_large",
       .faulty = R"(layer { upsampling { scale: 1024 } }
layer { upsampling { scale: 1024 } }
layer { max_pooling { kernel: 9 } })",
       .mended = R"(layer { upsampling { scale: 8 } }
layer { upsampling { scale: 2 } }
layer { max_pooling { kernel: 9 } })",
       .faults = {{2, "layer[1].upsampling.scale",
                   "the outputs of a slice are too many: expected at most 2147483647 values, got 3.17e+14"}}},
      {.name = "convolution_after_flatten",
       .faulty = R"(layer { flatten {} }
layer { convolution { filters: 4 kernel: 1 } })",
       .mended = R"(layer { convolution { filters: 4 kernel: 1 } }
layer { flatten {} })",
       .faults = {{2, "layer[1].convolution",
                   "a convolution needs an image: expected channels x height x width, got 144 values a row; put it "
                   "before flatten, global pooling and dense layers"}}},
      {.name = "pooling_after_dense",
       .faulty = R"(layer { dense { units: 8 } }
layer { max_pooling { kernel: 1 } })",
       .mended = R"(layer { max_pooling { kernel: 1 } }
layer { dense { units: 8 } })",
       .faults = {{2, "layer[1].max_pooling",
                   "pooling needs an image: expected channels x height x width, got 8 values a row; put it before "
                   "flatten, global pooling and dense layers"}}},
      {.name = "residual_shapes",
       .faulty = "layer { residual { body { convolution { filters: 8 kernel: 3 padding: SAME } } } }",
       .mended = "layer { residual { body { convolution { filters: 4 kernel: 3 padding: SAME } } } }",
       .faults = {{1, "layer[0].residual",
                   "both branches must give the same shape: the body gives 8 x 6 x 6, the input is 4 x 6 x 6; give it "
                   "a shortcut, as a 1x1 convolution"}}},
      {.name = "residual_branches",
       .faulty = "layer { residual { body { max_pooling { kernel: 2 } } shortcut { convolution { filters: 4 kernel: 1 "
                 "} } } }",
       .mended = "layer { residual { body { max_pooling { kernel: 2 } } shortcut { convolution { filters: 4 kernel: 2 "
                 "stride: 2 } } } }",
       .faults = {{1, "layer[0].residual",
                   "both branches must give the same shape: the body gives 4 x 3 x 3, the shortcut gives 4 x 6 x 6; "
                   "change filters or stride of one"}}},
      {.name = "inside_residual",
       .faulty = "layer { residual { body { relu {} } body { convolution { filters: 4 kernel: 3 groups: 3 padding: "
                 "SAME } } } }",
       .mended = "layer { residual { body { relu {} } body { convolution { filters: 4 kernel: 3 groups: 2 padding: "
                 "SAME } } } }",
       .faults = {{1, "layer[0].residual.body[1].convolution.groups",
                   "expected a divisor of both the input's channels (4) and filters (4), got 3"}}},
      {.name = "sum_of_unlike_channels",
       .faulty = R"(layer { name: "a" convolution { filters: 5 kernel: 1 } }
layer { input: ["a", "image"] add {} })",
       .mended = R"(layer { name: "a" convolution { filters: 4 kernel: 1 } }
layer { input: ["a", "image"] add {} })",
       .faults = {{2, "layer[1].add", "expected inputs of one shape, got 5 x 6 x 6 and 4 x 6 x 6"}}},
      {.name = "sum_of_image_and_values",
       .faulty = R"(layer { name: "a" flatten {} }
layer { input: ["a", "image"] add {} })",
       .mended = R"(layer { name: "a" flatten {} }
layer { input: ["a", "a"] add {} })",
       .faults = {{2, "layer[1].add", "expected inputs of one shape, got 144 and 4 x 6 x 6"}}},
      {.name = "concatenation_of_unlike_sizes",
       .faulty = R"(layer { name: "a" max_pooling { kernel: 2 } }
layer { input: ["a", "image"] concatenate {} })",
       .mended = R"(layer { name: "a" convolution { filters: 9 kernel: 1 } }
layer { input: ["a", "image"] concatenate {} })",
       .faults = {{2, "layer[1].concatenate",
                   "expected images of one height and width, or values only, got 4 x 3 x 3 and 4 x 6 x 6"}}},
      {.name = "concatenation_of_image_and_values",
       .faulty = R"(layer { name: "a" global_pooling {} }
layer { input: ["image", "a"] concatenate {} })",
       .mended = R"(layer { name: "a" global_pooling {} }
layer { input: ["a", "a"] concatenate {} })",
       .faults = {{2, "layer[1].concatenate",
                   "expected images of one height and width, or values only, got 4 x 6 x 6 and 4"}}},
      {.name = "gate_of_other_channels",
       .faulty = R"(layer { global_pooling {} }
layer { name: "a" dense { units: 5 } }
layer { input: ["image", "a"] multiply {} })",
       .mended = R"(layer { global_pooling {} }
layer { name: "a" dense { units: 4 } }
layer { input: ["image", "a"] multiply {} })",
       .faults = {{3, "layer[2].multiply",
                   "expected two inputs of one shape, or a second one with one value for each of the first one's "
                   "channels, got 4 x 6 x 6 and 5"}}},
      {.name = "gate_before_the_image",
       .faulty = R"(layer { name: "a" global_pooling {} }
layer { input: ["a", "image"] multiply {} })",
       .mended = R"(layer { name: "a" global_pooling {} }
layer { input: ["image", "a"] multiply {} })",
       .faults = {{2, "layer[1].multiply",
                   "expected two inputs of one shape, or a second one with one value for each of the first one's "
                   "channels, got 4 and 4 x 6 x 6"}}},
      {.name = "fields_on_lines_of_their_own",
       .faulty = R"(layer {
  name: "deep"
  input: "image"
  convolution {
    filters: 4
    kernel: 9
  }
})",
       .mended = R"(layer {
  name: "deep"
  input: "image"
  convolution {
    filters: 4
    kernel: 3
  }
})",
       .faults = {{6, "layer[0].convolution.kernel",
                   "the image is too small: expected at least 9 x 9 pixels, got 6 x 6; use a smaller kernel, padding: "
                   "SAME, or less pooling before it"}}},
      {.name = "no_units",
       .faulty = R"(layer { relu {} }
layer { dense { units: 0 } })",
       .mended = R"(layer { relu {} }
layer { dense { units: 1 } })",
       .faults = {{2, "layer[1].dense.units", "expected at least 1, got 0"}}},
      {.name = "drops_all",
       .faulty = "layer { dropout { rate: 1 } }",
       .mended = "layer { dropout { rate: 0.9 } }",
       .faults = {{1, "layer[0].dropout.rate", "expected below 1, got 1"}}},
      {.name = "no_stride",
       .faulty = "layer { convolution { filters: 4 kernel: 1 stride: [1, 0] } }",
       .mended = "layer { convolution { filters: 4 kernel: 1 stride: [1, 1] } }",
       .faults = {{1, "layer[0].convolution.stride[1]", "expected at least 1, got 0"}}},
      {.name = "padding_too_large",
       .faulty = "layer { convolution { filters: 4 kernel: 3 padding_pixels: 1025 } }",
       .mended = "layer { convolution { filters: 4 kernel: 3 padding_pixels: 2 } }",
       .faults = {{1, "layer[0].convolution.padding_pixels", "expected at most 1024, got 1025"}}},
      {.name = "two_borders",
       .faulty = "layer { convolution { filters: 4 kernel: 3 padding: SAME padding_pixels: 1 } }",
       .mended = "layer { convolution { filters: 4 kernel: 3 padding_pixels: 1 } }",
       .faults = {{1, "layer[0].convolution.padding_pixels", R"(expected either this or "padding", got both)"}}},
      {.name = "no_kernel",
       .faulty = R"(layer { relu {} }
layer { max_pooling {} })",
       .mended = R"(layer { relu {} }
layer { max_pooling { kernel: 2 } })",
       .faults = {{2, "layer[1].max_pooling.kernel", "required, but not given"}}},
      {.name = "no_kind",
       .faulty = R"(layer { relu {} }
layer { name: "empty" })",
       .mended = R"(layer { relu {} }
layer { name: "empty" tanh {} })",
       .faults = {{2, "layer[1]",
                   "expected one of convolution, dense, batch_norm, max_pooling, average_pooling, global_pooling, "
                   "relu, sigmoid, tanh, dropout, flatten, residual, add, concatenate, multiply or upsampling, got "
                   "none"}}},
      {.name = "two_kinds",
       .faulty = "layer { relu {} tanh {} }",
       .mended = R"(layer { relu {} }
layer { tanh {} })",
       .faults = {{1, "layer[0].tanh", R"(expected either this or "relu", got both)"}}},
      {.name = "unknown_field",
       .faulty = R"(layer { reluu {} }
no_such: 1)",
       .mended = "layer { relu {} }",
       .faults = {{1, "layer[0]", R"(no field "reluu" in Layer; nearest: "relu")"},
                  {2, "", R"(no field "no_such" in Model)"}}},
      {.name = "empty_body",
       .faulty = "layer { residual { shortcut { relu {} } } }",
       .mended = "layer { residual { body { tanh {} } shortcut { relu {} } } }",
       .faults = {{1, "layer[0].residual.body", "required, but not given"}}},
      {.name = "winograd_that_does_not_fit",
       .faulty = "layer { convolution { filters: 4 kernel: 3 plan { forward: WINOGRAD } } }",
       .mended = "layer { convolution { filters: 4 kernel: 3 plan { forward: DIRECT } } }",
       .faults = {{1, "layer[0].convolution.plan.forward",
                   "WINOGRAD computes 3x3 convolutions with stride 1, padding of at most 1 and multiples of 16 "
                   "channels and filters; take DIRECT here"}}},
      {.name = "too_many_weights",
       .faulty = R"(layer { dense { units: 10000000 } }
layer { dense { units: 1000 } })",
       .mended = R"(layer { dense { units: 1000 } }
layer { dense { units: 1000 } })",
       .faults = {{2, "layer[1].dense.units",
                   "the weights are too many: expected at most 2147483647 values, got 1e+10"}}},
      {.name = "another_number_of_classes",
       .faulty = R"(layer { relu {} }
layer { dense { units: 4 } })",
       .mended = R"(layer { relu {} }
layer { dense { units: 3 } })",
       .faults = {{2, "layer[1]",
                   "the last layer must give one value a class: expected 3 values a row, got 4 (4); end with dense { "
                   "units: 3 }"}},
       .is_whole = true},
      {.name = "ends_in_an_image",
       .faulty = "layer { convolution { filters: 3 kernel: 1 } }",
       .mended = R"(layer { convolution { filters: 3 kernel: 1 } }
layer { global_pooling {} })",
       .faults = {{1, "layer[0]",
                   "the last layer must give one value a class: expected 3 values a row, got 108 (3 x 6 x 6); end with "
                   "dense { units: 3 }"}},
       .is_whole = true},
      {.name = "norm_of_one_value",
       .faulty = R"(layer { flatten {} }
layer { name: "norm" batch_norm {} })",
       .mended = R"(layer { name: "norm" batch_norm {} }
layer { flatten {} })",
       .faults = {{2, "layer[1].batch_norm",
                   "norm normalizes over one value a channel (144 a row, one row in a slice): expected at least 2; use "
                   "fewer slices or a larger batch, or no batch norm here"}},
       .job = "slices: 4"},
  };
  return kModels;
}

}  // namespace lockstep
