// The algorithms of convolutions: what is chosen, and Winograd against the direct sum.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

// A convolution in the middle, so that all three passes are there.
std::string model(int channels, const std::string& convolution) {
  return fmt::format(R"(layer {{ convolution {{ filters: {} kernel: 1 bias: false }} }}
                        layer {{ name: "it" convolution {{ {} }} }}
                        layer {{ global_pooling {{}} }} layer {{ dense {{ units: 3 }} }})",
                     channels, convolution);
}

NetworkOptions options_of(int rows, int size) {
  return {.image = {2, size, size}, .classes = 3, .slice_rows = rows, .seed = 4};
}

proto::ConvolutionPlan plan_of(const std::string& convolution, const NetworkOptions& options, int channels = 16) {
  return NetworkUnderTest(model(channels, convolution), options).model.layer(1).convolution().plan();
}

std::string text(const proto::ConvolutionPlan& plan) {
  return proto::Algorithm_Name(plan.forward()) + " " + proto::Algorithm_Name(plan.data()) + " " +
         proto::Algorithm_Name(plan.weights());
}

TEST(Plan, FollowsTheShapeAndIsWrittenIntoTheModel) {
  const std::string same = "filters: 32 kernel: 3 padding: SAME";
  const std::string winograd = "WINOGRAD WINOGRAD WINOGRAD", direct = "DIRECT DIRECT DIRECT";
  EXPECT_EQ(text(plan_of(same, options_of(8, 8))), winograd);
  EXPECT_EQ(text(plan_of(same, options_of(4, 8))), winograd) << "16 tiles";
  EXPECT_EQ(text(plan_of(same, options_of(3, 8))), direct) << "12 tiles";
  EXPECT_EQ(text(plan_of(same, options_of(32, 5))), direct) << "most of the tiles lies outside";
  NetworkOptions without = options_of(8, 8);
  without.plan = PlanChoice::kDirectOnly;
  EXPECT_EQ(text(plan_of(same, without)), direct);
  NetworkOptions bf16 = options_of(8, 8);
  bf16.precision = Precision::kBf16;
  EXPECT_EQ(text(plan_of(same, bf16)), winograd);
}

// Where there is nothing to choose, nothing is written.
TEST(Plan, IsLeftOpenWhereWinogradDoesNotFit) {
  for (const char* const convolution : {"filters: 32 kernel: 5 padding: SAME", "filters: 32 kernel: 3 stride: 2",
                                        "filters: 24 kernel: 3", "filters: 32 kernel: 3 dilation: 2",
                                        "filters: 32 kernel: 3 groups: 2", "filters: 32 kernel: 3 padding_pixels: 2"}) {
    EXPECT_FALSE(plan_of(convolution, options_of(16, 16)).has_forward()) << convolution;
  }
  EXPECT_FALSE(plan_of("filters: 32 kernel: 3", options_of(16, 16), /*channels=*/20).has_forward());
}

TEST(Plan, OfTheJobIsKept) {
  const std::string convolution =
      "filters: 32 kernel: 3 padding: SAME plan { forward: DIRECT data: WINOGRAD weights: DIRECT }";
  EXPECT_EQ(text(plan_of(convolution, options_of(8, 8))), "DIRECT WINOGRAD DIRECT");
}

TEST(Plan, ThatCannotBeIsAFault) {
  proto::Model wrong = NetworkUnderTest(model(16, "filters: 32 kernel: 5 padding: SAME"), options_of(8, 8)).model;
  wrong.mutable_layer(1)->mutable_convolution()->mutable_plan()->set_data(proto::WINOGRAD);
  Faults faults;
  EXPECT_EQ(Network::build(wrong, options_of(8, 8), faults), nullptr);
  EXPECT_NE(faults.status("job").message().find("model.layer[1].convolution.plan.data"), std::string::npos)
      << faults.status("job");
}

TEST(Plan, MeasuredIsCompleteAndBuildsTheSameNetworkAgain) {
  NetworkOptions options = options_of(8, 8);
  options.plan = PlanChoice::kMeasured;
  NetworkUnderTest measured(model(16, "filters: 32 kernel: 3 padding: SAME"), options);
  const proto::ConvolutionPlan plan = measured.model.layer(1).convolution().plan();
  for (const proto::Algorithm algorithm : {plan.forward(), plan.data(), plan.weights()}) {
    EXPECT_NE(algorithm, proto::AUTOMATIC);
  }
  options.plan = PlanChoice::kByShape;
  NetworkUnderTest again(measured.model.DebugString(), options);
  EXPECT_EQ(again.model.DebugString(), measured.model.DebugString());
  const Rows rows = random_rows(options, 1);
  measured.train(rows, 1);
  again.train(rows, 1);
  EXPECT_TRUE(std::ranges::equal(measured.gradient_array.span(), again.gradient_array.span()));
}

// |a - b| / |b|, in the Euclidean norm.
double distance(std::span<const float> a, std::span<const float> b) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(double(a[i]) - double(b[i]), 2);
    norm += std::pow(double(b[i]), 2);
  }
  return std::sqrt(difference / norm);
}

struct WinogradCase {
  int rows, size, channels, filters;
  bool bias = true;
};

// Direct sums in fp32 are 1e-7 to 4e-7 from exact ones here; the transformations of F(4x4, 3x3) lose a digit.
constexpr double kWinogradError = 1e-5;

TEST(Winograd, IsNearTheDirectSumInEveryPass) {
  for (const WinogradCase& it : {WinogradCase{4, 8, 16, 16},
                                 {3, 7, 32, 16, false},  // over three rows the gradient of a bias nearly cancels
                                 {5, 7, 32, 16},
                                 {8, 14, 64, 64},
                                 {16, 4, 128, 256},
                                 {2, 17, 16, 48},
                                 {16, 8, 512, 64}}) {
    SCOPED_TRACE(fmt::format("{} rows of {} x {}, {} to {}", it.rows, it.size, it.size, it.channels, it.filters));
    const NetworkOptions options = options_of(it.rows, it.size);
    const auto make = [&](const std::string& algorithm) {
      NetworkUnderTest made(model(it.channels, fmt::format("filters: {} kernel: 3 padding: SAME bias: {} "
                                                           "plan {{ forward: {} data: {} weights: {} }}",
                                                           it.filters, it.bias, algorithm, algorithm, algorithm)),
                            options);
      made.randomize(6);
      return made;
    };
    NetworkUnderTest winograd = make("WINOGRAD");
    NetworkUnderTest direct = make("DIRECT");
    const Rows rows = random_rows(options, 3);
    winograd.train(rows, 1);
    direct.train(rows, 1);
    int winograd_kernels = 0;
    for (const StepTime& step : winograd.network->step_times())
      winograd_kernels += step.kernel.find("wino") != std::string::npos;
    for (const StepTime& step : direct.network->step_times()) EXPECT_EQ(step.kernel.find("wino"), std::string::npos);
    const PlainTensors expected = direct.gradients();
    if (winograd_kernels == 0) {  // no AVX-512
      EXPECT_EQ(winograd.gradients(), expected);
      continue;
    }
    EXPECT_EQ(winograd_kernels, 3);
    EXPECT_NE(winograd.gradients(), expected);
    for (const auto& [name, gradient] : winograd.gradients()) {
      EXPECT_LT(distance(gradient, expected.at(name)), kWinogradError) << name;
    }
    winograd.network->evaluate_slice(rows.slice(), it.rows);
    const NaiveResult naive = direct.naive().evaluate(rows.slice());
    const std::vector<float> logits(naive.logits.begin(), naive.logits.end());
    EXPECT_LT(distance(winograd.network->logits(), logits), kWinogradError);
  }
}

}  // namespace
}  // namespace lockstep
