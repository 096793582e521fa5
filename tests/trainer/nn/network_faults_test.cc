// Models that do not fit: each fault alone at its path, and all of them at once. A healthy twin of each model builds.
#include <string>
#include <vector>

#include <gmock/gmock-matchers.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/model.pb.h"
#include "trainer/nn/network/network.h"

namespace lockstep {
namespace {

using testing::HasSubstr;

const NetworkOptions kOptions{.image = {4, 6, 6}, .classes = 3, .slice_rows = 2};

std::string faults_of(const std::string& text, const NetworkOptions& options = kOptions) {
  proto::Model model;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &model)) << text;
  Faults faults;
  resolve_model(options.classes, model, faults);
  if (!faults.empty()) return std::string(faults.status("job").message());
  const auto network = Network::build(model, options, faults);
  EXPECT_EQ(network == nullptr, !faults.empty());
  return faults.empty() ? "" : std::string(faults.status("job").message());
}

struct Case {
  const char* name;
  const char* faulty;
  const char* healthy;
  std::vector<const char*> says;  // the path, what is expected and what was got
};

const char kHead[] = " layer { dense { units: 3 } }";

const Case kCases[] = {
    {"image_too_small",
     "layer { max_pooling { kernel: 2 } } layer { convolution { filters: 4 kernel: 5 } }",
     "layer { max_pooling { kernel: 2 } } layer { convolution { filters: 4 kernel: 3 } }",
     {"model.layer[1].convolution.kernel", "too small", "5 x 5", "3 x 3"}},
    {"window_too_large",
     "layer { average_pooling { kernel: [2, 7] } }",
     "layer { average_pooling { kernel: [2, 6] } }",
     {"model.layer[0].average_pooling.kernel", "too small", "2 x 7", "6 x 6"}},
    {"dilated_kernel_too_large",
     "layer { convolution { filters: 4 kernel: 3 dilation: 3 } }",
     "layer { convolution { filters: 4 kernel: 3 dilation: 2 } }",
     {"model.layer[0].convolution.kernel", "too small", "7 x 7", "6 x 6"}},
    {"groups_not_dividing_channels",
     "layer { convolution { filters: 6 kernel: 3 groups: 3 } }",
     "layer { convolution { filters: 6 kernel: 3 groups: 2 } }",
     {"model.layer[0].convolution.groups", "4", "3"}},
    {"groups_not_dividing_filters",
     "layer { convolution { filters: 7 kernel: 3 groups: 2 } }",
     "layer { convolution { filters: 8 kernel: 3 groups: 2 } }",
     {"model.layer[0].convolution.groups", "7", "2"}},
    {"three_kernel_sizes",
     "layer { convolution { filters: 4 kernel: [3, 3, 3] } }",
     "layer { convolution { filters: 4 kernel: [3, 3] } }",
     {"model.layer[0].convolution.kernel", "two", "3"}},
    {"three_strides",
     "layer { max_pooling { kernel: 2 stride: [1, 1, 1] } }",
     "layer { max_pooling { kernel: 2 stride: [1, 1] } }",
     {"model.layer[0].max_pooling.stride", "two", "3"}},
    {"padding_as_large_as_the_window",
     "layer { max_pooling { kernel: 2 padding_pixels: 2 } }",
     "layer { max_pooling { kernel: 2 padding_pixels: 1 } }",
     {"model.layer[0].max_pooling.padding_pixels", "2 x 2", "got 2"}},
    {"convolution_after_flatten",
     "layer { flatten {} } layer { convolution { filters: 4 kernel: 1 } }",
     "layer { convolution { filters: 4 kernel: 1 } } layer { flatten {} }",
     {"model.layer[1].convolution", "image", "144"}},
    {"pooling_after_dense",
     "layer { dense { units: 8 } } layer { max_pooling { kernel: 1 } }",
     "layer { max_pooling { kernel: 1 } } layer { dense { units: 8 } }",
     {"model.layer[1].max_pooling", "image", "8"}},
    {"residual_shapes",
     "layer { residual { body { convolution { filters: 8 kernel: 3 padding: SAME } } } }",
     "layer { residual { body { convolution { filters: 4 kernel: 3 padding: SAME } } } }",
     {"model.layer[0].residual", "8 x 6 x 6", "4 x 6 x 6"}},
    {"residual_branches",
     "layer { residual { body { max_pooling { kernel: 2 } } shortcut { convolution { filters: 4 kernel: 1 } } } }",
     "layer { residual { body { max_pooling { kernel: 2 } } shortcut { convolution { filters: 4 kernel: 2 stride: 2 } "
     "} } }",
     {"model.layer[0].residual", "4 x 3 x 3", "4 x 6 x 6"}},
    {"inside_residual",
     "layer { residual { body { relu {} } body { convolution { filters: 4 kernel: 3 groups: 3 padding: SAME } } } }",
     "layer { residual { body { relu {} } body { convolution { filters: 4 kernel: 3 groups: 2 padding: SAME } } } }",
     {"model.layer[0].residual.body[1].convolution.groups"}},
    {"duplicate_names",
     "layer { name: 'twin' relu {} } layer { name: 'twin' tanh {} }",
     "layer { name: 'twin' relu {} } layer { name: 'other' tanh {} }",
     {"model.layer[1]", "twin"}},
    {"unknown_input",
     "layer { name: 'conv' relu {} } layer { input: 'cnov' tanh {} }",
     "layer { name: 'conv' relu {} } layer { input: 'conv' tanh {} }",
     {"model.layer[1].input[0]", "earlier layer", "cnov", "did you mean \"conv\""}},
    {"later_input",
     "layer { name: 'a' input: 'b' relu {} } layer { name: 'b' tanh {} }",
     "layer { name: 'a' input: 'image' relu {} } layer { name: 'b' tanh {} }",
     {"model.layer[0].input[0]", "earlier layer", "\"b\""}},
    {"itself_as_input",
     "layer { name: 'a' input: 'a' relu {} }",
     "layer { name: 'a' relu {} }",
     {"model.layer[0].input[0]", "earlier layer", "\"a\""}},
    {"default_name_as_input",
     "layer { relu {} } layer { input: 'relu_1' tanh {} }",
     "layer { name: 'relu_1' relu {} } layer { input: 'relu_1' tanh {} }",
     {"model.layer[1].input[0]", "relu_1", "by default", "give that layer a name"}},
    {"default_name_around_a_residual",
     "layer { relu {} } layer { residual { body { name: 'a' tanh {} } body { input: ['a', 'relu_1'] add {} } } }",
     "layer { relu {} } layer { residual { body { name: 'relu_1' tanh {} } body { input: ['relu_1'] sigmoid {} } } }",
     {"model.layer[1].residual.body[1].input[1]", "by default"}},
    {"name_inside_a_residual",
     "layer { residual { body { name: 'a' tanh {} } } } layer { input: 'a' relu {} }",
     "layer { name: 'a' residual { body { tanh {} } } } layer { input: 'a' relu {} }",
     {"model.layer[1].input[0]", "earlier layer", "\"a\""}},
    {"name_of_the_other_branch",
     "layer { residual { body { name: 'a' tanh {} } shortcut { input: 'a' relu {} } } }",
     "layer { residual { body { name: 'a' tanh {} } shortcut { relu {} } } }",
     {"model.layer[0].residual.shortcut[0].input[0]", "earlier layer", "\"a\""}},
    {"two_inputs_of_a_relu",
     "layer { name: 'a' tanh {} } layer { input: ['a', 'image'] relu {} }",
     "layer { name: 'a' tanh {} } layer { input: ['a'] relu {} }",
     {"model.layer[1].input", "expected 1", "got 2"}},
    {"one_input_of_an_add",
     "layer { name: 'a' tanh {} } layer { input: ['a'] add {} }",
     "layer { name: 'a' tanh {} } layer { input: ['a', 'a'] add {} }",
     {"model.layer[1].input", "expected at least 2", "got 1"}},
    {"no_input_of_a_concatenation",
     "layer { tanh {} } layer { concatenate {} }",
     "layer { name: 'a' tanh {} } layer { input: ['a', 'image'] concatenate {} }",
     {"model.layer[1].input", "expected at least 2", "got 1"}},
    {"three_inputs_of_a_product",
     "layer { name: 'a' tanh {} } layer { input: ['a', 'image', 'a'] multiply {} }",
     "layer { name: 'a' tanh {} } layer { input: ['a', 'image'] multiply {} }",
     {"model.layer[1].input", "expected 2", "got 3"}},
    {"nobody_reads",
     "layer { name: 'a' tanh {} } layer { name: 'b' input: 'image' relu {} }",
     "layer { name: 'a' tanh {} } layer { name: 'b' input: 'a' relu {} }",
     {"model.layer[0]", "nobody reads what a gives"}},
    {"nobody_reads_in_a_residual",
     "layer { residual { body { name: 'a' tanh {} } body { name: 'b' input: 'image' relu {} } } }",
     "layer { residual { body { name: 'a' tanh {} } body { name: 'b' input: 'a' relu {} } } }",
     {"model.layer[0].residual.body[0]", "nobody reads what residual_1/a gives"}},
    {"sum_of_unlike_channels",
     "layer { name: 'a' convolution { filters: 5 kernel: 1 } } layer { input: ['a', 'image'] add {} }",
     "layer { name: 'a' convolution { filters: 4 kernel: 1 } } layer { input: ['a', 'image'] add {} }",
     {"model.layer[1].add", "one shape", "5 x 6 x 6", "4 x 6 x 6"}},
    {"sum_of_image_and_values",
     "layer { name: 'a' flatten {} } layer { input: ['a', 'image'] add {} }",
     "layer { name: 'a' flatten {} } layer { input: ['a', 'a'] add {} }",
     {"model.layer[1].add", "one shape", "144", "4 x 6 x 6"}},
    {"concatenation_of_unlike_sizes",
     "layer { name: 'a' max_pooling { kernel: 2 } } layer { input: ['a', 'image'] concatenate {} }",
     "layer { name: 'a' convolution { filters: 9 kernel: 1 } } layer { input: ['a', 'image'] concatenate {} }",
     {"model.layer[1].concatenate", "one height and width", "4 x 3 x 3", "4 x 6 x 6"}},
    {"concatenation_of_image_and_values",
     "layer { name: 'a' global_pooling {} } layer { input: ['image', 'a'] concatenate {} }",
     "layer { name: 'a' global_pooling {} } layer { input: ['a', 'a'] concatenate {} }",
     {"model.layer[1].concatenate", "values only", "4 x 6 x 6", "and 4"}},
    {"gate_of_other_channels",
     "layer { global_pooling {} } layer { name: 'a' dense { units: 5 } } layer { input: ['image', 'a'] multiply {} }",
     "layer { global_pooling {} } layer { name: 'a' dense { units: 4 } } layer { input: ['image', 'a'] multiply {} }",
     {"model.layer[2].multiply", "channels", "4 x 6 x 6", "and 5"}},
    {"gate_before_the_image",
     "layer { name: 'a' global_pooling {} } layer { input: ['a', 'image'] multiply {} }",
     "layer { name: 'a' global_pooling {} } layer { input: ['image', 'a'] multiply {} }",
     {"model.layer[1].multiply", "second", "got 4 and 4 x 6 x 6"}},
    {"upsampling_after_flatten",
     "layer { flatten {} } layer { upsampling { scale: 2 } }",
     "layer { upsampling { scale: 2 } } layer { flatten {} }",
     {"model.layer[1].upsampling", "image", "144"}},
    {"three_scales",
     "layer { upsampling { scale: [2, 2, 2] } }",
     "layer { upsampling { scale: [2, 3] } }",
     {"model.layer[0].upsampling.scale", "two", "got 3"}},
    {"upsampling_too_large",
     "layer { upsampling { scale: 1024 } } layer { upsampling { scale: 1024 } } layer { max_pooling { kernel: 9 } }",
     "layer { upsampling { scale: 8 } } layer { upsampling { scale: 2 } } layer { max_pooling { kernel: 9 } }",
     {"model.layer[1].upsampling.scale", "too many", "2147483647"}},
    {"a_layer_called_image",
     "layer { name: 'image' relu {} }",
     "layer { name: 'images' relu {} }",
     {"model.layer[0].name", "not \"image\""}},
    {"slash_in_name", "layer { name: 'a/b' relu {} }", "layer { name: 'a_b' relu {} }", {"model.layer[0]", "a/b"}},
};

TEST(NetworkFaults, EachIsFoundAtItsPath) {
  for (const Case& row : kCases) {
    SCOPED_TRACE(row.name);
    const std::string message = faults_of(std::string(row.faulty) + kHead);
    for (const char* part : row.says) EXPECT_THAT(message, HasSubstr(part));
    EXPECT_EQ(std::ranges::count(message, '\n'), 0) << "one fault makes one line: " << message;
    EXPECT_EQ(faults_of(std::string(row.healthy) + kHead), "");
  }
}

TEST(NetworkFaults, TheNumberOfOutputsIsTheNumberOfClasses) {
  const std::string message = faults_of("layer { relu {} } layer { dense { units: 4 } }");
  for (const char* part : {"model.layer[1]", "3", "4"}) EXPECT_THAT(message, HasSubstr(part));
  EXPECT_NE(faults_of("layer { convolution { filters: 3 kernel: 1 } }"), "");  // an image is not a row of outputs
  EXPECT_EQ(faults_of("layer { convolution { filters: 3 kernel: 1 } } layer { global_pooling {} }"), "");
}

TEST(NetworkFaults, NoLayersAndUnknownZooNames) {
  EXPECT_THAT(faults_of(""), HasSubstr("model"));
  const std::string message = faults_of("zoo: 'resnet81'");
  EXPECT_THAT(message, HasSubstr("model.zoo"));
  EXPECT_THAT(message, HasSubstr("resnet18"));
}

TEST(NetworkFaults, AllAreReportedAtOnce) {
  const std::string message = faults_of(
      "layer { convolution { filters: 6 kernel: 3 groups: 3 } }"
      "layer { max_pooling { kernel: 2 padding_pixels: 5 } }"
      "layer { residual { body { convolution { filters: 5 kernel: 1 } } } }"
      "layer { convolution { filters: 8 kernel: 99 } }"
      "layer { dense { units: 4 } }");
  for (const char* path : {"model.layer[0].convolution.groups", "model.layer[1].max_pooling.padding_pixels",
                           "model.layer[2].residual", "model.layer[3].convolution.kernel", "model.layer[4]"}) {
    EXPECT_THAT(message, HasSubstr(path));
  }
}

TEST(NetworkFaults, ABatchNormNeedsTwoValuesAChannel) {
  NetworkOptions one_row = kOptions;
  one_row.slice_rows = 1;
  const std::string flat = std::string("layer { flatten {} } layer { name: 'norm' batch_norm {} }") + kHead;
  const std::string maps = std::string("layer { average_pooling { kernel: 6 } } layer { batch_norm {} }") + kHead;
  const std::string inside = std::string(
                                 "layer { average_pooling { kernel: 6 } } layer { residual { body { relu {} } "
                                 "body { batch_norm { relu: true } } } }") +
                             kHead;
  EXPECT_THAT(faults_of(flat, one_row),
              HasSubstr("model.layer[1].batch_norm: norm normalizes over one value a channel"));
  EXPECT_THAT(faults_of(maps, one_row), HasSubstr("model.layer[1].batch_norm: batch_norm_1 normalizes over one value"));
  EXPECT_THAT(faults_of(inside, one_row), HasSubstr("residual.body[1].batch_norm: residual_1/batch_norm_1 normalizes"));
  for (const std::string& text : {flat, maps, inside}) EXPECT_EQ(faults_of(text), "");
  EXPECT_EQ(faults_of(std::string("layer { batch_norm {} }") + kHead, one_row), "");  // 36 values
}

TEST(NetworkFaults, MemoryThatIsNotGrantedIsNotTaken) {
  NetworkOptions options = kOptions;
  NetworkSizes asked;
  options.admit = [&](const NetworkSizes& sizes) {
    asked = sizes;
    return "there is none";
  };
  EXPECT_EQ(faults_of(kHead, options), "job: model: there is none");
  EXPECT_GT(asked.own_bytes, 0U);
  EXPECT_GE(asked.parameter_elements, 4 * 6 * 6 * 3U + 3);
  EXPECT_GE(asked.gradient_elements, asked.parameter_elements);
  options.admit = [](const NetworkSizes&) { return ""; };
  EXPECT_EQ(faults_of(kHead, options), "");
}

// A terabyte of weights can be looked at.
TEST(NetworkFaults, ANetworkThatDoesNotRunTakesNoMemory) {
  proto::Model model;
  const std::string text =
      "layer { flatten {} } layer { dense { units: 14000000 } } layer { dense { units: 150 } } layer { dense { units: "
      "3 } }";
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &model));
  NetworkOptions options = kOptions;
  options.runs = false;
  Faults faults;
  resolve_model(options.classes, model, faults);
  const auto network = Network::build(model, options, faults);
  ASSERT_NE(network, nullptr) << faults.status("job");
  EXPECT_EQ(network->summary()[1].parameters, (4 * 6 * 6 + 1) * std::int64_t{14000000});
  EXPECT_GT(network->memory_bytes(), std::size_t{16} << 30);
  EXPECT_GT(network->gradient_elements(), std::size_t{3} << 30);
}

}  // namespace
}  // namespace lockstep
