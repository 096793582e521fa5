// bf16 against fp32: our own loops on single numbers, then whole networks.
#include "trainer/tensor/bfloat16.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/trainer/nn/network_under_test.h"
#include "trainer/nn/kernels/instruction_set.h"

namespace lockstep {
namespace {

Bfloat16 rounded(float value) {
  Bfloat16 made;
  from_float(value, made);
  return made;
}

TEST(Bfloat16, RoundsToTheNearestTiesToEven) {
  EXPECT_EQ(rounded(1.F).bits, 0x3f80);
  EXPECT_EQ(rounded(-2.F).bits, 0xc000);
  EXPECT_EQ(rounded(1.F + 0x1p-8F).bits, 0x3f80) << "a tie: down to even";
  EXPECT_EQ(rounded(1.F + 0x3p-8F).bits, 0x3f82) << "a tie: up to even";
  EXPECT_EQ(rounded(1.F + 0x1.01p-8F).bits, 0x3f81);
  EXPECT_EQ(rounded(std::numeric_limits<float>::max()).bits, 0x7f80) << "infinity is the nearest";
  EXPECT_EQ(to_float(rounded(-0.F)), 0.F);
  EXPECT_TRUE(std::signbit(to_float(rounded(-0.F))));
}

TEST(Bfloat16, KeepsWhatIsNoNumber) {
  EXPECT_TRUE(std::isnan(to_float(rounded(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isnan(to_float(rounded(std::bit_cast<float>(0x7f800001U)))));
  EXPECT_EQ(to_float(rounded(-std::numeric_limits<float>::infinity())), -std::numeric_limits<float>::infinity());
}

TEST(Bfloat16, IsExactBothWays) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Bfloat16 value{std::uint16_t(bits)};
    if (std::isnan(to_float(value))) continue;
    ASSERT_EQ(rounded(to_float(value)), value) << bits;
  }
}

struct Tested {
  const char* name;
  const char* model;
};

constexpr Tested kChain = {"Chain", R"(
  layer { convolution { filters: 16 kernel: 3 padding: SAME bias: false } } layer { batch_norm { relu: true } }
  layer { residual {
    body { convolution { filters: 32 kernel: 3 padding: SAME } } body { batch_norm { relu: true } }
    body { convolution { filters: 32 kernel: 3 padding: SAME } } body { batch_norm {} }
    shortcut { convolution { filters: 32 kernel: 1 } } } }
  layer { residual { body { convolution { filters: 32 kernel: 3 padding: SAME } } body { dropout { rate: 0.2 } } } }
  layer { max_pooling { kernel: 2 } } layer { convolution { filters: 20 kernel: 3 stride: 2 } } layer { relu {} }
  layer { flatten {} } layer { dense { units: 48 } } layer { batch_norm { relu: true } } layer { dropout { rate: 0.2 } }
  layer { dense { units: 5 } })"};

// Two ways of upsampling, skips, a gate, a value with several readers.
constexpr Tested kGraph = {"Graph", R"(
  layer { name: "skip" convolution { filters: 16 kernel: 3 padding: SAME } } layer { relu {} }
  layer { name: "low" max_pooling { kernel: 2 } }
  layer { convolution { filters: 24 kernel: 3 padding: SAME bias: false } } layer { batch_norm { relu: true } }
  layer { name: "smooth" upsampling { scale: 2 mode: BILINEAR } }
  layer { name: "copied" input: "low" upsampling { scale: 2 } }
  layer { name: "joined" input: ["smooth", "skip", "copied"] concatenate {} }
  layer { convolution { filters: 32 kernel: 3 padding: SAME } } layer { name: "high" relu {} }
  layer { global_pooling {} } layer { dense { units: 32 } } layer { name: "gate" sigmoid {} }
  layer { name: "gated" input: ["high", "gate"] multiply {} }
  layer { name: "again" input: "joined" convolution { filters: 32 kernel: 1 } }
  layer { input: ["gated", "again"] add {} } layer { average_pooling { kernel: 2 } }
  layer { flatten {} } layer { dense { units: 5 } })"};

NetworkUnderTest make(const char* model, Precision precision) {
  NetworkOptions options{.image = {3, 12, 12}, .classes = 5, .slice_rows = 16, .seed = 2};
  options.precision = precision;
  NetworkUnderTest made(model, options);
  made.randomize(7);
  return made;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double product = 0, a_norm = 0, b_norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double(a[i]) * double(b[i]);
    a_norm += double(a[i]) * double(a[i]);
    b_norm += double(b[i]) * double(b[i]);
  }
  return product / std::sqrt(a_norm * b_norm);
}

class Bfloat16Network : public testing::TestWithParam<Tested> {};

// Eight bits of significand: each number is off by up to 0.4 %, and a ReLU or a maximum may decide otherwise.
TEST_P(Bfloat16Network, LearnsInNearlyTheSameDirection) {
  NetworkUnderTest bf16 = make(GetParam().model, Precision::kBf16);
  NetworkUnderTest fp32 = make(GetParam().model, Precision::kFp32);
  const Rows rows = random_rows(fp32.network->options(), 1);
  const SliceResult result = bf16.train(rows, 1);
  const SliceResult expected = fp32.train(rows, 1);
  EXPECT_NEAR(result.loss_sum, expected.loss_sum, 0.02 * expected.loss_sum);
  const PlainTensors gradients = fp32.gradients();
  for (const auto& [name, gradient] : bf16.gradients()) {
    const double largest =
        std::abs(*std::ranges::max_element(gradients.at(name), {}, [](float x) { return std::abs(x); }));
    if (largest < 1e-4) continue;
    EXPECT_GT(cosine(gradient, gradients.at(name)), 0.97) << name;
  }
  if (has_bf16()) {
    EXPECT_NE(bf16.gradients(), gradients);
    EXPECT_LT(bf16.network->memory_bytes(), fp32.network->memory_bytes());
    for (const StepTime& step : bf16.network->step_times()) EXPECT_FALSE(step.kernel.starts_with("ref")) << step.layer;
  } else {
    EXPECT_EQ(bf16.gradients(), gradients);
  }
}

TEST_P(Bfloat16Network, GivesTheSameBitsAgain) {
  NetworkUnderTest first = make(GetParam().model, Precision::kBf16);
  NetworkUnderTest second = make(GetParam().model, Precision::kBf16);
  for (std::uint32_t seed = 1; seed < 3; ++seed) {
    const Rows rows = random_rows(first.network->options(), seed);
    EXPECT_EQ(first.train(rows, 1).loss_sum, second.train(rows, 1).loss_sum);
    EXPECT_TRUE(std::ranges::equal(first.gradient_array.span(), second.gradient_array.span()));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Bfloat16Network, testing::Values(kChain, kGraph),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace lockstep
