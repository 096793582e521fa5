// What a network asks before it is built. The table of wrong models: tests/trainer/loop/model_faults_test.cc.
#include <string>

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

const char kHead[] = " layer { dense { units: 3 } }";

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

TEST(NetworkFaults, AMaskIsAsLargeAsItsImage) {
  NetworkOptions options = kOptions;
  options.loss = {.kind = LossKind::kPixelCrossEntropy};
  EXPECT_EQ(faults_of("layer { convolution { filters: 3 kernel: 1 } }", options), "");
  for (const std::string text : {"layer { convolution { filters: 3 kernel: 3 } }", "layer { dense { units: 3 } }",
                                 "layer { convolution { filters: 4 kernel: 1 } }", "layer { dense { units: 108 } }"}) {
    EXPECT_THAT(faults_of(text, options), HasSubstr("must give one value a class for each pixel: expected 3 x 6 x 6"));
  }
  options.loss = {.kind = LossKind::kBinaryCrossEntropy};
  EXPECT_THAT(faults_of("layer { dense { units: 4 } }", options), HasSubstr("must give one value a label: expected 3"));
}

}  // namespace
}  // namespace lockstep
