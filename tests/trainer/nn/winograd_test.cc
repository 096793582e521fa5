// Winograd's algorithm against the definition of a convolution in double, pass by pass on the same arrays.
#include "trainer/nn/kernels/winograd.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "trainer/tensor/aligned_array.h"
#include "trainer/tensor/bfloat16.h"

namespace lockstep::winograd {

void PrintTo(const Problem& it, std::ostream* to) {
  *to << it.rows << " rows of " << it.height << " x " << it.width << ", " << it.channels << " to " << it.filters;
}

namespace {

// Values in plain order, as the arrays of the passes hold them.
struct Values {
  std::vector<double> src, weights, bias, dst, diff_dst, diff_src, diff_weights, diff_bias;
};

std::vector<double> random_values(std::int64_t count, bool is_bf16, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& value : values) {
    const float drawn = normal(random);
    Bfloat16 half;
    from_float(drawn, half);
    value = double(is_bf16 ? to_float(half) : drawn);
  }
  return values;
}

std::int64_t weight_count(const Problem& it) {
  return it.filters * it.channels * kTaps;
}

// Inputs drawn, results by the definition.
Values naive(const Problem& it, std::uint32_t seed) {
  std::mt19937 random(seed);
  Values made;
  const std::int64_t pixels = it.height * it.width, outputs = it.output_height * it.output_width;
  made.src = random_values(it.rows * it.channels * pixels, it.is_bf16, random);
  made.weights = random_values(weight_count(it), false, random);
  made.bias = random_values(it.filters, false, random);
  made.diff_dst = random_values(it.rows * it.filters * outputs, it.is_bf16, random);
  made.dst.resize(made.diff_dst.size());
  made.diff_src.resize(made.src.size());
  made.diff_weights.resize(made.weights.size());
  made.diff_bias.resize(made.bias.size());
  std::size_t at = 0;
  for (std::int64_t row = 0; row < it.rows; ++row) {
    for (std::int64_t filter = 0; filter < it.filters; ++filter) {
      for (std::int64_t output = 0; output < outputs; ++output, ++at) {
        made.dst[at] = made.bias[std::size_t(filter)];
        made.diff_bias[std::size_t(filter)] += made.diff_dst[at];
        for (std::int64_t tap = 0; tap < it.channels * kTaps; ++tap) {
          const std::int64_t y = output / it.output_width + tap % kTaps / 3 - it.pad_above;
          const std::int64_t x = output % it.output_width + tap % 3 - it.pad_left;
          if (y < 0 || y >= it.height || x < 0 || x >= it.width) continue;
          const auto from = std::size_t((row * it.channels + tap / kTaps) * pixels + y * it.width + x);
          const auto weight = std::size_t(filter * it.channels * kTaps + tap);
          made.dst[at] += made.src[from] * made.weights[weight];
          made.diff_src[from] += made.diff_dst[at] * made.weights[weight];
          made.diff_weights[weight] += made.diff_dst[at] * made.src[from];
        }
      }
    }
  }
  return made;
}

// Where element i of an image array lies in blocks of 16 channels.
std::size_t image_place(std::size_t i, std::int64_t channels, std::int64_t pixels) {
  const auto n = std::int64_t(i);
  const std::int64_t row = n / (channels * pixels), channel = n / pixels % channels, pixel = n % pixels;
  return std::size_t(((row * channels / kBlock + channel / kBlock) * pixels + pixel) * kBlock + channel % kBlock);
}

// Where element i of the weights lies in OIhw16i16o, or OIhw16o16i.
std::size_t weight_place(std::size_t i, std::int64_t channels, bool turned) {
  const auto n = std::int64_t(i);
  const std::int64_t filter = n / (channels * kTaps), channel = n / kTaps % channels, tap = n % kTaps;
  const std::int64_t block = filter / kBlock * (channels / kBlock) + channel / kBlock;
  const std::int64_t f = filter % kBlock, c = channel % kBlock;
  return std::size_t((block * kTaps + tap) * kBlock * kBlock + (turned ? f * kBlock + c : c * kBlock + f));
}

AlignedArray images(const std::vector<double>& values, std::int64_t channels, std::int64_t pixels, bool is_bf16) {
  AlignedArray array(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t place = image_place(i, channels, pixels);
    if (is_bf16) {
      from_float(float(values[i]), reinterpret_cast<Bfloat16*>(array.data())[place]);
    } else {
      array.data()[place] = float(values[i]);
    }
  }
  return array;
}

// |a - b| / |b| in the Euclidean norm, where `at(i)` is element i of a.
template <typename At>
double distance(const At& at, const std::vector<double>& b) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(double(at(i)) - b[i], 2);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

double image_distance(const AlignedArray& array, const std::vector<double>& expected, std::int64_t channels,
                      std::int64_t pixels, bool is_bf16) {
  return distance(
      [&](std::size_t i) {
        const std::size_t place = image_place(i, channels, pixels);
        return is_bf16 ? to_float(reinterpret_cast<const Bfloat16*>(array.data())[place]) : array.data()[place];
      },
      expected);
}

AlignedArray weights(const Problem& it, const std::vector<double>& values, bool turned) {
  AlignedArray array(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    array.data()[weight_place(i, it.channels, turned)] = float(values[i]);
  }
  return array;
}

class WinogradTest : public testing::TestWithParam<Problem> {
 protected:
  // Results in bf16 are rounded to eight bits.
  double bound() const { return it.is_bf16 ? 2e-3 : 2e-6; }

  const Problem it = GetParam();
  const std::int64_t pixels = it.height * it.width, outputs = it.output_height * it.output_width;
  const Values values = naive(it, 3);
  const AlignedArray src = images(values.src, it.channels, pixels, it.is_bf16);
  const AlignedArray diff_dst = images(values.diff_dst, it.filters, outputs, it.is_bf16);
};

TEST_P(WinogradTest, Forward) {
  const AlignedArray of_weights = weights(it, values.weights, false);
  AlignedArray bias(values.bias.size());
  std::copy(values.bias.begin(), values.bias.end(), bias.data());
  AlignedArray dst(values.dst.size()), scratch(forward_scratch_floats(it));
  forward(it, src.data(), of_weights.data(), false, bias.data(), dst.data(), scratch.data());
  EXPECT_LT(image_distance(dst, values.dst, it.filters, outputs, it.is_bf16), bound());
}

TEST_P(WinogradTest, BackwardData) {
  const Problem turned = of_input_gradient(it);
  const AlignedArray of_weights = weights(it, values.weights, true);
  AlignedArray diff_src(values.src.size()), scratch(forward_scratch_floats(turned));
  forward(turned, diff_dst.data(), of_weights.data(), true, nullptr, diff_src.data(), scratch.data());
  EXPECT_LT(image_distance(diff_src, values.diff_src, it.channels, pixels, it.is_bf16), bound());
}

// Of fp32 sums in any case.
TEST_P(WinogradTest, BackwardWeights) {
  AlignedArray diff_weights(values.weights.size()), diff_bias(values.bias.size());
  AlignedArray scratch(backward_weights_scratch_floats(it));
  backward_weights(it, src.data(), diff_dst.data(), diff_weights.data(), diff_bias.data(), scratch.data());
  const auto weight = [&](std::size_t i) { return diff_weights.data()[weight_place(i, it.channels, false)]; };
  EXPECT_LT(distance(weight, values.diff_weights), 2e-6);
  EXPECT_LT(distance([&](std::size_t i) { return diff_bias.data()[i]; }, values.diff_bias), 2e-6);
}

Problem same(std::int64_t rows, std::int64_t size, std::int64_t channels, std::int64_t filters) {
  return {.rows = rows,
          .channels = channels,
          .filters = filters,
          .height = size,
          .width = size,
          .output_height = size,
          .output_width = size,
          .pad_above = 1,
          .pad_left = 1};
}

Problem bf16(Problem it) {
  it.is_bf16 = true;
  return it;
}

Problem on_threads(Problem it) {
  it.threads = 3;
  return it;
}

// No padding; and on one side only.
Problem valid(Problem it) {
  it.pad_above = 0;
  it.output_height = it.height - 2;
  it.output_width = it.width - 1;
  return it;
}

// Few and many weights, one and several runs of tiles, odd numbers of blocks, tiles that reach beyond the image.
std::vector<Problem> problems() {
  if (!available()) return {};
  return {same(1, 4, 16, 16),
          same(3, 7, 32, 48),
          same(5, 12, 16, 80),
          same(2, 9, 144, 128),
          same(9, 16, 160, 112),
          same(33, 4, 272, 64),
          valid(same(2, 11, 32, 32)),
          bf16(same(4, 8, 48, 32)),
          bf16(valid(same(3, 6, 160, 112))),
          on_threads(same(5, 8, 32, 64)),
          on_threads(same(3, 8, 160, 112))};
}

std::string name_of(const testing::TestParamInfo<Problem>& info) {
  const Problem& it = info.param;
  return fmt::format("{}Rows{}x{}Channels{}Filters{}{}{}", it.rows, it.height, it.pad_above == 1 ? "Same" : "Valid",
                     it.channels, it.filters, it.is_bf16 ? "Bf16" : "", it.threads > 1 ? "Threads" : "");
}

INSTANTIATE_TEST_SUITE_P(Problems, WinogradTest, testing::ValuesIn(problems()), name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WinogradTest);

TEST(Winograd, IsThereWithAvx512) {
  EXPECT_LE(available(), __builtin_cpu_supports("avx512f") != 0);
}

}  // namespace
}  // namespace lockstep::winograd
