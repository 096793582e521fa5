#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

std::int64_t parameter_count(const Network& network) {
  std::int64_t sum = 0;
  for (const TensorInfo& tensor : network.parameters()) sum += plain_elements(tensor);
  return sum;
}

NetworkUnderTest make(const std::string& name, const ImageShape& image, int classes, int rows) {
  return NetworkUnderTest("zoo: '" + name + "'", {.image = image, .classes = classes, .slice_rows = rows});
}

// Published counts: torchvision's resnet18 and vgg16, and the common ResNet for 32x32 images (3x3 stem, no pooling).
TEST(Zoo, ModelsHaveThePublishedNumberOfParameters) {
  EXPECT_EQ(parameter_count(*make("resnet18", {3, 224, 224}, 1000, 1).network), 11'689'512);
  EXPECT_EQ(parameter_count(*make("resnet18_small", {3, 32, 32}, 10, 1).network), 11'173'962);
  EXPECT_EQ(parameter_count(*make("vgg16", {3, 224, 224}, 1000, 1).network), 138'357'544);
}

TEST(Zoo, EveryModelLearnsAndSaysWhatItIs) {
  const std::vector<std::string> names = zoo_names();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  ASSERT_FALSE(names.empty());
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const ImageShape image{3, 32, 32};
    NetworkUnderTest network = make(name, image, 10, 4);
    const Rows rows = random_rows(network.network->options(), 1);
    const float before = network.train(rows, 1).loss_sum;
    const std::span<float> values = network.network->parameter_values();
    double norm = 0;
    for (std::size_t i = 0; i < values.size(); ++i) norm += std::pow(double(network.gradient_array.data()[i]), 2);
    ASSERT_GT(norm, 0);
    // A small step down the gradient lowers the loss: with the same dropout.
    for (std::size_t i = 0; i < values.size(); ++i) values[i] -= float(0.05 / norm) * network.gradient_array.data()[i];
    network.network->parameters_changed();
    EXPECT_LT(network.train(rows, 1).loss_sum, before);

    std::int64_t parameters = 0;
    for (const LayerSummary& layer : network.network->summary()) {
      parameters += layer.parameters;
      EXPECT_FALSE(layer.name.empty() || layer.kind.empty() || layer.output.empty());
      EXPECT_EQ(layer.implementation.empty(), layer.kind == "flatten") << layer.kind;  // flatten moves nothing
    }
    EXPECT_EQ(parameters, parameter_count(*network.network));
  }
}

}  // namespace
}  // namespace lockstep
