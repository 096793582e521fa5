#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

const NetworkOptions kOptions{.image = {16, 8, 8}, .classes = 5, .slice_rows = 2, .seed = 3};

const char kLayers[] =
    "layer { name: 'conv' convolution { filters: 64 kernel: 3 } }"
    "layer { name: 'grouped' convolution { filters: 128 kernel: 3 groups: 4 padding: SAME } }"
    "layer { name: 'norm' batch_norm {} } layer { name: 'zero' batch_norm { zero_scale: true } }"
    "layer { name: 'dense' dense { units: 5 } }";

struct Moments {
  double mean = 0;
  double deviation = 0;
  double largest = 0;     // in deviations
  double beyond_two = 0;  // share of values further than two deviations from zero
};

Moments moments(const std::vector<float>& values) {
  Moments result;
  const double n = double(values.size());
  double squares = 0;
  for (const float value : values) {
    result.mean += double(value) / n;
    squares += double(value) * double(value) / n;
  }
  result.deviation = std::sqrt(squares - result.mean * result.mean);
  for (const float value : values) {
    const double distance = std::abs(double(value)) / result.deviation;
    result.largest = std::max(result.largest, distance);
    result.beyond_two += distance > 2 ? 1 / n : 0;
  }
  return result;
}

// Of n values the mean has a standard error of deviation / sqrt(n), the deviation one of at most deviation / sqrt(2 n).
void expect_deviation(const std::vector<float>& values, double deviation) {
  const Moments got = moments(values);
  const double n = double(values.size());
  EXPECT_NEAR(got.mean, 0, 4 * deviation / std::sqrt(n));
  EXPECT_NEAR(got.deviation, deviation, 4 * deviation / std::sqrt(2 * n));
}

TEST(Initialization, HeIsNormalByFanIn) {
  const PlainTensors tensors = NetworkUnderTest(kLayers, kOptions).parameters();
  expect_deviation(tensors.at("conv/weights"), std::sqrt(2.0 / (16 * 9)));
  expect_deviation(tensors.at("grouped/weights"), std::sqrt(2.0 / (16 * 9)));
  expect_deviation(tensors.at("dense/weights"), std::sqrt(2.0 / (128 * 36)));
  const Moments dense = moments(tensors.at("dense/weights"));
  EXPECT_NEAR(dense.beyond_two, 0.0455, 0.006);
  EXPECT_GT(dense.largest, 3);
}

TEST(Initialization, XavierIsUniformByFanInAndFanOut) {
  const PlainTensors tensors =
      NetworkUnderTest(std::string("initialization: XAVIER ") + kLayers, kOptions).parameters();
  expect_deviation(tensors.at("conv/weights"), std::sqrt(2.0 / (16 * 9 + 64 * 9)));
  expect_deviation(tensors.at("dense/weights"), std::sqrt(2.0 / (128 * 36 + 5)));
  for (const char* name : {"conv/weights", "dense/weights"}) {
    EXPECT_NEAR(moments(tensors.at(name)).largest, std::sqrt(3.0), 0.03);
    EXPECT_EQ(moments(tensors.at(name)).beyond_two, 0);
  }
}

TEST(Initialization, OthersStartAtZeroOrOne) {
  const NetworkUnderTest network(kLayers, kOptions);
  const PlainTensors tensors = network.parameters();
  const auto expect_all = [](const std::vector<float>& values, float expected) {
    ASSERT_FALSE(values.empty());
    for (const float value : values) EXPECT_EQ(value, expected);
  };
  for (const char* name : {"conv/bias", "grouped/bias", "dense/bias", "norm/shift", "zero/shift", "zero/scale"}) {
    expect_all(tensors.at(name), 0);
  }
  expect_all(tensors.at("norm/scale"), 1);
  const PlainTensors buffers = network.buffers();
  expect_all(buffers.at("norm/running_mean"), 0);
  expect_all(buffers.at("norm/running_variance"), 1);
}

TEST(Initialization, IsAFunctionOfSeedAndName) {
  const std::vector<float> weights = NetworkUnderTest(kLayers, kOptions).parameters().at("conv/weights");
  EXPECT_EQ(NetworkUnderTest(kLayers, kOptions).parameters().at("conv/weights"), weights);

  NetworkOptions other_seed = kOptions;
  other_seed.seed = 4;
  EXPECT_NE(NetworkUnderTest(kLayers, other_seed).parameters().at("conv/weights"), weights);

  // Not of what stands around it, nor of the layout that its kernels prefer.
  NetworkOptions other_shape = kOptions;
  other_shape.slice_rows = 1;
  other_shape.image = {16, 5, 33};
  const char* embedded =
      "layer { name: 'first' convolution { filters: 16 kernel: 1 } }"
      "layer { name: 'second' convolution { filters: 16 kernel: 1 } }"
      "layer { name: 'conv' convolution { filters: 64 kernel: 3 padding: SAME bias: false } }"
      "layer { name: 'dense' dense { units: 5 } }";
  const PlainTensors tensors = NetworkUnderTest(embedded, other_shape).parameters();
  EXPECT_EQ(tensors.at("conv/weights"), weights);
  EXPECT_NE(tensors.at("first/weights"), tensors.at("second/weights"));
}

}  // namespace
}  // namespace lockstep
