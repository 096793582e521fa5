// Names, inputs, the zoo, groups of parameters; and several faults at once.
#include "tests/trainer/loop/wrong_models.h"

namespace lockstep {

const std::vector<WrongModel>& models_with_wrong_graphs() {
  static const std::vector<WrongModel> kModels = {
      {.name = "duplicate_names",
       .faulty = R"(layer { name: "twin" relu {} }
layer { name: "twin" tanh {} })",
       .mended = R"(layer { name: "twin" relu {} }
layer { name: "other" tanh {} })",
       .faults = {{2, "layer[1].name", R"(expected a name that no other layer has, got "twin" again)"}}},
      {.name = "unknown_input",
       .faulty = R"(layer { name: "conv" relu {} }
layer { input: "cnov" tanh {} })",
       .mended = R"(layer { name: "conv" relu {} }
layer { input: "conv" tanh {} })",
       .faults = {{2, "layer[1].input[0]",
                   R"(expected the name of an earlier layer or "image", got "cnov"; did you mean "conv"?)"}}},
      {.name = "later_input",
       .faulty = R"(layer { name: "a" input: "b" relu {} }
layer { name: "b" tanh {} })",
       .mended = R"(layer { name: "a" input: "image" relu {} }
layer { name: "b" tanh {} })",
       .faults = {{1, "layer[0].input[0]",
                   R"(a layer reads earlier ones, and "b" stands later: put it before this one)"}}},
      {.name = "itself_as_input",
       .faulty = R"(layer { name: "a" input: "a" relu {} })",
       .mended = R"(layer { name: "a" relu {} })",
       .faults = {{1, "layer[0].input[0]", R"(a layer reads earlier ones, and "a" is this layer itself)"}}},
      {.name = "default_name_as_input",
       .faulty = R"(layer { relu {} }
layer { input: "relu_1" tanh {} })",
       .mended = R"(layer { name: "relu_1" relu {} }
layer { input: "relu_1" tanh {} })",
       .faults = {{2, "layer[1].input[0]",
                   R"("relu_1" is a name by default, which changes with the layers before: give that layer a name)"}}},
      {.name = "default_name_around_a_residual",
       .faulty = R"(layer { relu {} }
layer { residual { body { name: "a" tanh {} } body { input: ["a", "relu_1"] add {} } } })",
       .mended = R"(layer { relu {} }
layer { residual { body { name: "relu_1" tanh {} } body { input: ["relu_1"] sigmoid {} } } })",
       .faults = {{2, "layer[1].residual.body[1].input[1]",
                   R"("relu_1" is a name by default, which changes with the layers before: give that layer a name)"}}},
      {.name = "name_inside_a_residual",
       .faulty = R"(layer { residual { body { name: "a" tanh {} } } }
layer { input: "a" relu {} })",
       .mended = R"(layer { name: "a" residual { body { tanh {} } } }
layer { input: "a" relu {} })",
       .faults = {{2, "layer[1].input[0]", R"(expected the name of an earlier layer or "image", got "a")"}}},
      {.name = "name_of_the_other_branch",
       .faulty = R"(layer { residual { body { name: "a" tanh {} } shortcut { input: "a" relu {} } } })",
       .mended = R"(layer { residual { body { name: "a" tanh {} } shortcut { relu {} } } })",
       .faults = {{1, "layer[0].residual.shortcut[0].input[0]",
                   R"(expected the name of an earlier layer or "image", got "a")"}}},
      {.name = "two_inputs_of_a_relu",
       .faulty = R"(layer { name: "a" tanh {} }
layer { input: ["a", "image"] relu {} })",
       .mended = R"(layer { name: "a" tanh {} }
layer { input: ["a"] relu {} })",
       .faults = {{2, "layer[1].input", "expected 1 input, got 2"}}},
      {.name = "one_input_of_an_add",
       .faulty = R"(layer { name: "a" tanh {} }
layer { input: ["a"] add {} })",
       .mended = R"(layer { name: "a" tanh {} }
layer { input: ["a", "a"] add {} })",
       .faults = {{2, "layer[1].input", "expected at least 2 inputs, got 1"}}},
      {.name = "no_input_of_a_concatenation",
       .faulty = R"(layer { tanh {} }
layer { concatenate {} })",
       .mended = R"(layer { name: "a" tanh {} }
layer { input: ["a", "image"] concatenate {} })",
       .faults = {{2, "layer[1].input", "expected at least 2 inputs, got 1"}}},
      {.name = "three_inputs_of_a_product",
       .faulty = R"(layer { name: "a" tanh {} }
layer { input: ["a", "image", "a"] multiply {} })",
       .mended = R"(layer { name: "a" tanh {} }
layer { input: ["a", "image"] multiply {} })",
       .faults = {{2, "layer[1].input", "expected 2 inputs, got 3"}}},
      {.name = "nobody_reads",
       .faulty = R"(layer { name: "a" tanh {} }
layer { name: "b" input: "image" relu {} })",
       .mended = R"(layer { name: "a" tanh {} }
layer { name: "b" input: "a" relu {} })",
       .faults = {{1, "layer[0]",
                   "nobody reads what a gives: name it in the input of a later layer or in loss.auxiliary, or take it "
                   "out"}}},
      {.name = "nobody_reads_in_a_residual",
       .faulty = R"(layer { residual { body { name: "a" tanh {} } body { name: "b" input: "image" relu {} } } })",
       .mended = R"(layer { residual { body { name: "a" tanh {} } body { name: "b" input: "a" relu {} } } })",
       .faults =
           {{1, "layer[0].residual.body[0]",
             "nobody reads what residual_1/a gives: name it in the input of a later layer or in loss.auxiliary, or "
             "take it out"}}},
      {.name = "a_layer_called_image",
       .faulty = R"(layer { name: "image" relu {} })",
       .mended = R"(layer { name: "images" relu {} })",
       .faults = {{1, "layer[0].name", R"(expected letters, digits, '_', '-' and '.', and not "image", got "image")"}}},
      {.name = "slash_in_name",
       .faulty = R"(layer { name: "a/b" relu {} })",
       .mended = R"(layer { name: "a_b" relu {} })",
       .faults = {{1, "layer[0].name", R"(expected letters, digits, '_', '-' and '.', and not "image", got "a/b")"}}},
      {.name = "no_suggestion_for_a_letter",
       .faulty = R"(layer { name: "y" relu {} }
layer { input: "x" tanh {} })",
       .mended = R"(layer { name: "y" relu {} }
layer { input: "y" tanh {} })",
       .faults = {{2, "layer[1].input[0]", R"(expected the name of an earlier layer or "image", got "x")"}}},
      {.name = "block_as_input",
       .faulty = R"(layer { name: "block" residual { body { input: "block" relu {} } } })",
       .mended = R"(layer { name: "block" residual { body { relu {} } } })",
       .faults = {{1, "layer[0].residual.body[0].input[0]",
                   R"(a layer reads earlier ones, and "block" is the block around it)"}}},
      {.name = "later_by_default",
       .faulty = R"(layer { input: "relu_1" tanh {} }
layer { relu {} })",
       .mended = R"(layer { tanh {} }
layer { relu {} })",
       .faults = {{1, "layer[0].input[0]",
                   R"(a layer reads earlier ones, and "relu_1" stands later: put it before this one)"}}},
      {.name = "default_name_that_is_taken",
       .faulty = R"(layer { name: "relu_1" tanh {} }
layer { relu {} })",
       .mended = R"(layer { name: "other" tanh {} }
layer { relu {} })",
       .faults = {{2, "layer[1].name",
                   R"("relu_1", its name by default, is that of a layer before it: give one of them another name)"}}},
      {.name = "name_that_is_a_default",
       .faulty = R"(layer { relu {} }
layer { name: "relu_1" tanh {} })",
       .mended = R"(layer { relu {} }
layer { name: "relu_2" tanh {} })",
       .faults = {{2, "layer[1].name", R"(expected a name that no other layer has, got "relu_1" again)"}}},
      {.name = "unknown_zoo_name",
       .faulty = R"(initialization: XAVIER
zoo: "lenot")",
       .mended = R"(initialization: XAVIER
zoo: "lenet")",
       .faults =
           {{2, "zoo",
             R"(no network is called "lenot"; did you mean "lenet"? There are: lenet, small_cnn, resnet18, resnet18_small, vgg16)"}},
       .is_whole = true},
      {.name = "zoo_and_layers",
       .faulty = R"(zoo: "lenet"
layer { relu {} })",
       .mended = R"(zoo: "lenet")",
       .faults = {{2, "layer", "expected either zoo or layers, got both; take one away"}},
       .is_whole = true},
      {.name = "zoo_on_too_small_an_image",
       .faulty = R"(initialization: XAVIER
zoo: "vgg16")",
       .mended = R"(initialization: XAVIER
zoo: "lenet")",
       .faults = {{2, "layer[16].max_pooling.kernel",
                   "the image is too small: expected at least 2 x 2 pixels, got 1 x 1; use a smaller kernel, padding: "
                   "SAME, or less pooling before it"},
                  {2, "layer[23].max_pooling.kernel",
                   "the image is too small: expected at least 2 x 2 pixels, got 1 x 1; use a smaller kernel, padding: "
                   "SAME, or less pooling before it"},
                  {2, "layer[30].max_pooling.kernel",
                   "the image is too small: expected at least 2 x 2 pixels, got 1 x 1; use a smaller kernel, padding: "
                   "SAME, or less pooling before it"}},
       .is_whole = true},
      {.name = "half_a_norm_frozen",
       .faulty = R"(layer { relu {} }
layer { name: "norm" batch_norm {} })",
       .mended = "",
       .faults =
           {{2, "layer[1].batch_norm",
             R"(frozen is norm/scale, but not norm/shift: a batch norm is frozen whole, with its running statistics, or not at all; match "norm/*")"}},
       .job = R"(slices: 2 parameters { match: "norm/scale" frozen: true })"},
      {.name = "group_that_matches_nothing",
       .faulty = "layer { relu {} }",
       .mended = "",
       .faults = {{0, "parameters[0].match",
                   R"(expected a pattern of names of tensors, as "dense_1/weights"; "dense_2/*" matches none)"}},
       .job = R"(slices: 2 parameters { match: "dense_2/*" frozen: true })"},
      {.name = "group_with_a_slip",
       .faulty = R"(layer { name: "out" relu {} })",
       .mended = "",
       .faults =
           {{0, "parameters[0].match",
             R"(expected a pattern of names of tensors, as "dense_1/weights"; "dense_1/wieghts" matches none; did you mean "dense_1/weights"?)"}},
       .job = R"(slices: 2 parameters { match: "dense_1/wieghts" rate_scale: 0.5 })"},
      {.name = "frozen_with_a_rate",
       .faulty = "layer { relu {} }",
       .mended = "",
       .faults = {{0, "parameters[0].frozen",
                   "what is frozen has neither rate_scale nor weight_decay nor l1_decay: leave out one or the other"}},
       .job = R"(slices: 2 parameters { match: "*/bias" frozen: true rate_scale: 0.5 })"},
      {.name = "all_frozen",
       .faulty = "layer { relu {} }",
       .mended = "",
       .faults = {{0, "parameters", "all parameters are frozen: nothing is left to train"}},
       .job = R"(slices: 2 parameters { match: "*" frozen: true })"},
      {.name = "several",
       .faulty = R"(layer { name: "a" convolution { filters: 6 kernel: 3 groups: 3 } }
layer { name: "a" max_pooling { kernel: 2 padding_pixels: 5 } }
layer { residual { body { convolution { filters: 5 kernel: 1 } } } }
layer { input: "b" convolution { filters: 8 kernel: 99 } }
layer { input: ["a", "image"] batch_norm { relu: true } }
layer { dense { units: 4 } })",
       .mended = "",
       .faults = {{1, "layer[0].convolution.groups",
                   "expected a divisor of both the input's channels (4) and filters (6), got 3"},
                  {2, "layer[1].name", R"(expected a name that no other layer has, got "a" again)"},
                  {2, "layer[1].max_pooling.padding_pixels",
                   "expected less than the kernel (2 x 2), got 5: a window would see padding only"},
                  {3, "layer[2].residual",
                   "both branches must give the same shape: the body gives 5 x 7 x 7, the input is 6 x 7 x 7; give it "
                   "a shortcut, as a 1x1 convolution"},
                  {4, "layer[3].input[0]", R"(expected the name of an earlier layer or "image", got "b")"},
                  {4, "layer[3].convolution.kernel",
                   "the image is too small: expected at least 99 x 99 pixels, got 7 x 7; use a smaller kernel, "
                   "padding: SAME, or less pooling before it"},
                  {5, "layer[4].input", "expected 1 input, got 2"},
                  {6, "layer[5]",
                   "the last layer must give one value a class: expected 3 values a row, got 4 (4); end with dense { "
                   "units: 3 }"}},
       .is_whole = true},
  };
  return kModels;
}

}  // namespace lockstep
