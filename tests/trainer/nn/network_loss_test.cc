// What a Network says of its loss: ties, large outputs, numbers that are not finite.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

const NetworkOptions kOptions{.image = {3, 8, 7}, .classes = 5, .slice_rows = 4, .seed = 3};

const float kNotANumber = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

TEST(Network, ALossThatIsNotFiniteIsReported) {
  NetworkUnderTest network("layer { convolution { filters: 17 kernel: 3 } } layer { dense { units: 5 } }", kOptions);
  Rows rows = random_rows(kOptions, 2);
  EXPECT_TRUE(network.train(rows, 1).finite);
  for (const float bad : {kNotANumber, kInfinity}) {
    for (const std::size_t row : {0, 3}) {
      Rows damaged = rows;
      damaged.images[row * kOptions.image.elements() + 20] = bad;
      EXPECT_FALSE(network.train(damaged, 1).finite) << bad << " in row " << row;
      EXPECT_FALSE(network.network->evaluate_slice(damaged.slice(), 4).finite);
      EXPECT_TRUE(network.network->evaluate_slice(damaged.slice(), int(row)).finite);
    }
  }
  EXPECT_TRUE(network.train(rows, 1).finite);
}

// The maximum of zero and not-a-number is zero to the kernels, so the loss may look healthy; the gradients do not.
TEST(Network, GradientsShowWhatAReluHides) {
  for (const char* between : {"relu {}", "batch_norm { relu: true }", "max_pooling { kernel: 3 }"}) {
    NetworkUnderTest network(fmt::format("layer {{ convolution {{ filters: 17 kernel: 3 }} }} layer {{ {} }}"
                                         "layer {{ relu {{}} }} layer {{ dense {{ units: 5 }} }}",
                                         between),
                             kOptions);
    Rows rows = random_rows(kOptions, 2);
    const auto all_finite = [&] {
      return std::ranges::all_of(network.gradient_array.span(), [](float element) { return std::isfinite(element); });
    };
    network.train(rows, 1);
    EXPECT_TRUE(all_finite());
    rows.images[20] = kNotANumber;
    network.train(rows, 1);
    EXPECT_FALSE(all_finite());
  }
}

TEST(Network, TheFirstOfEqualOutputsCounts) {
  NetworkUnderTest network("layer { dense { units: 5 } }", kOptions);
  PlainTensors zero = network.parameters();
  for (auto& [name, values] : zero) std::ranges::fill(values, 0.0F);
  network.set_parameters(zero);
  Rows rows = random_rows(kOptions, 2);
  rows.targets = {0, 1, 0, 4};
  EXPECT_EQ(network.train(rows, 1).correct, 2);
  EXPECT_NEAR(network.network->evaluate_slice(rows.slice(), 4).loss_sum, 4 * std::log(5.0), 1e-5);
}

// Large outputs must not overflow the exponential: the loss of a wrong answer is the difference of the outputs.
TEST(Network, LossIsStableForLargeOutputs) {
  NetworkUnderTest network("layer { name: 'head' dense { units: 5 } }", kOptions);
  PlainTensors tensors = network.parameters();
  std::ranges::fill(tensors.at("head/weights"), 0.0F);
  tensors.at("head/bias") = {1000, 0, -1000, 0, 0};
  network.set_parameters(tensors);
  Rows rows = random_rows(kOptions, 2);
  rows.targets = {0, 1, 2, 0};
  const SliceResult result = network.train(rows, 1);
  EXPECT_TRUE(result.finite);
  EXPECT_FLOAT_EQ(result.loss_sum, 3000);
}

// Outputs of a mask lie class by class, and so does what they learn from.
TEST(Network, AMaskIsLearnedPixelByPixel) {
  const NetworkOptions options{
      .image = {2, 3, 4}, .classes = 2, .slice_rows = 2, .loss = {.kind = LossKind::kPixelCrossEntropy}};
  NetworkUnderTest network("layer { name: 'head' convolution { filters: 2 kernel: 1 } }", options);
  PlainTensors tensors = network.parameters();
  tensors.at("head/weights") = {1, 0, 0, 1};  // gives what it gets
  tensors.at("head/bias") = {0, 0};
  network.set_parameters(tensors);
  Rows rows = random_rows(options, 2);
  rows.targets.clear();
  for (std::size_t i = 0; i < 24; ++i) rows.targets.push_back(rows.images[i / 12 * 24 + i % 12] > 0.2F ? 0.0F : 1.0F);
  rows.targets[5] = kIgnored;
  const SliceResult result = network.network->evaluate_slice(rows.slice(), 2);
  const auto logits = network.network->logits();
  ASSERT_EQ(logits.size(), rows.images.size());
  for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], rows.images[i], 1e-6) << i;
  std::vector<float> gradient(logits.size());
  const SliceResult alone = sum_of_losses(network.network->options().loss, logits, rows.targets, 1, gradient);
  EXPECT_EQ(result.loss_sum, alone.loss_sum);
  EXPECT_EQ(result.correct, alone.correct);
  network.train(rows, 1);
  float expected = 0;  // of the first weight: what a convolution of one pixel sums
  for (std::size_t i = 0; i < 24; ++i) expected += gradient[i / 12 * 24 + i % 12] * rows.images[i / 12 * 24 + i % 12];
  EXPECT_NEAR(network.gradients().at("head/weights")[0], expected, 1e-5);
}

}  // namespace
}  // namespace lockstep
