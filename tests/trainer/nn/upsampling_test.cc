// Upsampling to the last bit, where the gradient check has a tolerance.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/trainer/nn/network_under_test.h"
#include "trainer/nn/kernels/instruction_set.h"

namespace lockstep {
namespace {

NetworkOptions options_of(const ImageShape& image, int rows, int classes) {
  NetworkOptions options;
  options.image = image;
  options.classes = classes;
  options.slice_rows = rows;
  options.kept.emplace_back("up");
  return options;
}

NetworkUnderTest make(const std::string& upsampling, const ImageShape& image, Precision precision, int threads = 1) {
  NetworkOptions options = options_of(image, 3, 3);
  options.threads = threads;
  options.seed = 4;
  options.precision = precision;
  options.kept.emplace_back("before");
  NetworkUnderTest made(fmt::format("layer {{ name: 'before' convolution {{ filters: {} kernel: 1 }} }}"
                                    "layer {{ name: 'up' upsampling {{ {} }} }} layer {{ dense {{}} }}",
                                    image.channels, upsampling),
                        options);
  made.randomize(9);
  return made;
}

// The example of torch.nn.Upsample's documentation, and its middle value thrice as large.
TEST(Upsampling, GivesWhatPyTorchDocuments) {
  const std::vector<float> pixels = {1, 2, 3, 4};
  const auto result = [&](const std::string& layer) {
    NetworkUnderTest network("layer { name: 'up' upsampling { " + layer + " } } layer { dense {} }",
                             options_of({1, 2, 2}, 1, 2));
    network.network->evaluate_slice({.images = pixels, .targets = std::vector<float>{0}, .rows = {}}, 1);
    return network.network->kept_values("up");
  };
  EXPECT_EQ(result("scale: 2"), (std::vector<float>{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}));
  EXPECT_EQ(result("scale: 2 mode: BILINEAR"),
            (std::vector<float>{1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4}));
  const float third = 1.F / 3;
  const std::vector<float> row = {1, 1, 1 + third, 1 + 2 * third, 2, 2, 3, 3, 3 + third, 3 + 2 * third, 4, 4};
  const std::vector<float> three = result("scale: [1, 3] mode: BILINEAR");
  ASSERT_EQ(three.size(), row.size());
  for (std::size_t i = 0; i < row.size(); ++i) EXPECT_FLOAT_EQ(three[i], row[i]) << i;
}

class EveryUpsampling : public testing::TestWithParam<Precision> {};

// Channels in whole blocks, in padded ones, and one alone.
constexpr ImageShape kImages[] = {{32, 5, 4}, {17, 3, 6}, {1, 4, 3}};

TEST_P(EveryUpsampling, NearestCopiesAndBilinearRoundsOnce) {
  for (const ImageShape& image : kImages) {
    for (const char* const layer :
         {"scale: 2", "scale: [3, 1]", "scale: 2 mode: BILINEAR", "scale: 3 mode: BILINEAR"}) {
      SCOPED_TRACE(fmt::format("{} channels, {}", image.channels, layer));
      NetworkUnderTest network = make(layer, image, GetParam());
      network.train(random_rows(network.network->options(), 2), 1);
      NaiveTensor before(3, image.channels, image.height, image.width);
      std::ranges::copy(network.network->kept_values("before"), before.values.begin());
      const proto::Upsampling& spec = network.model.layer(1).upsampling();
      const NaiveTensor expected = naive_upsampling(spec, before);
      const std::vector<float> got = network.network->kept_values("up");
      ASSERT_EQ(got.size(), expected.values.size());
      const bool is_rounded = spec.mode() == proto::BILINEAR;
      const double rounding = GetParam() == Precision::kBf16 && has_bf16() ? 0x1p-8 : 0x1p-22;
      for (std::size_t i = 0; i < got.size(); ++i) {
        const double tolerance = is_rounded ? rounding * std::abs(expected.values[i]) + 1e-6 : 0;
        ASSERT_NEAR(got[i], expected.values[i], tolerance) << i;
      }
    }
  }
}

TEST_P(EveryUpsampling, WhatIsNoNumberStaysSo) {
  const ImageShape image = {17, 4, 4};
  for (const char* const mode : {"NEAREST", "BILINEAR"}) {
    SCOPED_TRACE(mode);
    NetworkUnderTest network = make(fmt::format("scale: 2 mode: {}", mode), image, GetParam());
    Rows rows = random_rows(network.network->options(), 2);
    rows.images[0] = std::numeric_limits<float>::quiet_NaN();  // of the first row and channel
    EXPECT_FALSE(network.train(rows, 1).finite);
    const std::vector<float> up = network.network->kept_values("up");
    for (const std::size_t corner : {0U, 1U, 8U, 9U}) EXPECT_TRUE(std::isnan(up[corner])) << corner;
    for (std::size_t i = 3 * 8; i < 8 * 8; ++i) EXPECT_TRUE(std::isfinite(up[i])) << i;
    for (std::size_t i = up.size() / 3; i < up.size(); ++i) ASSERT_TRUE(std::isfinite(up[i])) << i;
  }
}

// Three rows and blocks of channels are no multiple of the threads.
TEST_P(EveryUpsampling, ThreadsChangeNothing) {
  for (const ImageShape& image : kImages) {
    for (const char* const layer : {"scale: 2", "scale: 3 mode: BILINEAR"}) {
      SCOPED_TRACE(fmt::format("{} channels, {}", image.channels, layer));
      NetworkUnderTest one = make(layer, image, GetParam(), 1);
      NetworkUnderTest two = make(layer, image, GetParam(), 2);
      const Rows rows = random_rows(one.network->options(), 2);
      one.train(rows, 1);
      two.train(rows, 1);
      EXPECT_EQ(one.network->kept_values("up"), two.network->kept_values("up"));
      const PlainTensors gradients = two.gradients();
      for (const auto& [name, gradient] : one.gradients()) {  // which other layers add in another order
        for (std::size_t i = 0; i < gradient.size(); ++i) {
          ASSERT_NEAR(gradient[i], gradients.at(name)[i], 1e-5 * (1 + std::abs(gradient[i]))) << name << i;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, EveryUpsampling, testing::Values(Precision::kFp32, Precision::kBf16),
                         [](const auto& tested) { return tested.param == Precision::kFp32 ? "Fp32" : "Bf16"; });

}  // namespace
}  // namespace lockstep
