// Parameters that are not trained: what the others learn, and what is left out.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

// The second convolution is one that Winograd computes.
constexpr const char* kLayers = R"(
  layer { name: 'one' convolution { filters: 16 kernel: 3 padding: SAME } }
  layer { name: 'relu' relu {} }
  layer { name: 'two' convolution { filters: 32 kernel: 3 padding: SAME } }
  layer { name: 'pool' max_pooling { kernel: 2 } }
  layer { name: 'three' dense { units: 7 } }
  layer { name: 'tanh' tanh {} }
  layer { name: 'head' dense { units: 4 } })";

NetworkOptions options_of(Precision precision) {
  return {.image = {.channels = 3, .height = 16, .width = 16},
          .classes = 4,
          .slice_rows = 4,
          .seed = 5,
          .precision = precision};
}

NetworkUnderTest make(NetworkOptions options, std::vector<std::string> frozen) {
  if (!frozen.empty()) {
    options.is_frozen = [frozen](std::string_view name) {
      return std::any_of(frozen.begin(), frozen.end(),
                         [&](const std::string& start) { return name.starts_with(start); });
    };
  }
  return NetworkUnderTest(kLayers, options);
}

class Frozen : public testing::TestWithParam<Precision> {};

TEST_P(Frozen, LeaveTheGradientsOfTheOthersAsTheyAre) {
  NetworkUnderTest all = make(options_of(GetParam()), {});
  all.randomize(8);
  const Rows rows = random_rows(all.network->options(), 2);
  const SliceResult expected = all.train(rows, 1);
  const PlainTensors gradients = all.gradients();
  const std::vector<std::vector<std::string>> choices = {
      {"one/"},        {"two/"},        {"one/", "two/", "three/"}, {"head/"},
      {"one/weights"}, {"two/weights"}, {"three/weights"},          {"one/bias", "three/bias"}};
  for (const std::vector<std::string>& frozen : choices) {
    SCOPED_TRACE(frozen.front());
    NetworkUnderTest part = make(options_of(GetParam()), frozen);
    part.set_parameters(all.parameters());
    EXPECT_EQ(part.train(rows, 1).loss_sum, expected.loss_sum);
    const PlainTensors learned = part.gradients();
    EXPECT_LT(learned.size(), gradients.size());
    for (const auto& [name, gradient] : learned) EXPECT_EQ(gradient, gradients.at(name)) << name;
    EXPECT_EQ(part.parameters(), all.parameters());
  }
}

TEST_P(Frozen, TakeNoGradientAndNoBackwardPass) {
  NetworkUnderTest all = make(options_of(GetParam()), {});
  NetworkUnderTest part = make(options_of(GetParam()), {"one/", "two/"});
  const auto backward_steps = [](const NetworkUnderTest& of, std::string_view layer) {
    const std::vector<StepTime> steps = of.network->step_times();
    return std::count_if(steps.begin(), steps.end(), [&](const StepTime& step) {
      return step.layer == layer && (step.pass == "data" || step.pass == "weights" || step.pass == "backward");
    });
  };
  for (const char* const layer : {"one", "relu", "two", "pool"}) {
    EXPECT_GT(backward_steps(all, layer), 0) << layer;
    EXPECT_EQ(backward_steps(part, layer), 0) << layer;
  }
  EXPECT_EQ(backward_steps(part, "three"), 1) << "of its weights";
  EXPECT_LT(part.network->memory_bytes(), all.network->memory_bytes());
  const std::size_t frozen = part.network->frozen_values().size();
  EXPECT_GT(frozen, 0U);
  EXPECT_EQ(part.network->gradient_elements(), all.network->gradient_elements() - frozen);
}

// Copies in other layouts are made when they change, and not in every step.
TEST_P(Frozen, NewValuesAreUsed) {
  NetworkUnderTest part = make(options_of(GetParam()), {"one/", "two/"});
  part.randomize(1);
  NetworkUnderTest fresh = make(options_of(GetParam()), {"one/", "two/"});
  fresh.randomize(2);
  const Rows rows = random_rows(part.network->options(), 3);
  const float before = part.network->evaluate_slice(rows.slice(), 4).loss_sum;
  part.set_parameters(fresh.parameters());
  const float after = part.network->evaluate_slice(rows.slice(), 4).loss_sum;
  EXPECT_NE(before, after);
  EXPECT_EQ(after, fresh.network->evaluate_slice(rows.slice(), 4).loss_sum);
}

TEST_P(Frozen, MoveToOtherMemory) {
  NetworkUnderTest stays = make(options_of(GetParam()), {"one/", "three/"});
  NetworkUnderTest moves = make(options_of(GetParam()), {"one/", "three/"});
  AlignedArray trained(moves.network->parameter_values().size());
  AlignedArray frozen(moves.network->frozen_values().size());
  moves.network->move_parameters(trained.span(), frozen.span());
  EXPECT_EQ(moves.network->frozen_values().data(), frozen.data());
  stays.randomize(1);
  moves.randomize(1);
  const Rows rows = random_rows(stays.network->options(), 3);
  EXPECT_EQ(moves.train(rows, 1).loss_sum, stays.train(rows, 1).loss_sum);
  EXPECT_EQ(moves.gradients(), stays.gradients());
}

INSTANTIATE_TEST_SUITE_P(Precisions, Frozen, testing::Values(Precision::kFp32, Precision::kBf16),
                         [](const auto& tested) { return tested.param == Precision::kFp32 ? "Fp32" : "Bf16"; });

// Its running statistics are used in training too, and do not move.
TEST(FrozenBatchNorm, TrainsAsItEvaluates) {
  constexpr const char* kNormed = R"(
    layer { name: 'one' convolution { filters: 8 kernel: 3 } }
    layer { name: 'norm' batch_norm { relu: true } }
    layer { name: 'head' dense { units: 4 } })";
  NetworkOptions options = options_of(Precision::kFp32);
  options.is_frozen = [](std::string_view name) { return name.starts_with("norm/"); };
  NetworkUnderTest network(kNormed, options);
  network.randomize(4);
  const PlainTensors before = network.buffers();
  EXPECT_EQ(before.size(), 2U);
  const Rows rows = random_rows(options, 3);
  const float evaluated = network.network->evaluate_slice(rows.slice(), 4).loss_sum;
  EXPECT_EQ(network.train(rows, 1).loss_sum, evaluated);
  network.network->update_buffers(network.gradient_array.span());
  EXPECT_EQ(network.buffers(), before);
  EXPECT_TRUE(network.network->buffers().empty());
}

std::string faults_of(const std::string& layers, const NetworkOptions& options) {
  proto::Model model = NetworkUnderTest(layers, options_of(Precision::kFp32)).model;
  Faults faults;
  EXPECT_EQ(Network::build(model, options, faults), nullptr);
  return std::string(faults.status("model").message());
}

TEST(FrozenBatchNorm, IsFrozenWhole) {
  NetworkOptions options = options_of(Precision::kFp32);
  options.is_frozen = [](std::string_view name) { return name == "norm/scale"; };
  EXPECT_EQ(faults_of("layer { name: 'norm' batch_norm {} } layer { dense { units: 4 } }", options),
            "model: model.layer[0].batch_norm: frozen is norm/scale, but not norm/shift: a batch norm is frozen whole, "
            "with its running statistics, or not at all; match \"norm/*\"");
}

TEST(FrozenBatchNorm, NormalizesOneValueAChannel) {
  NetworkOptions options = options_of(Precision::kFp32);
  options.slice_rows = 1;
  options.is_frozen = [](std::string_view name) { return name.starts_with("norm/"); };
  NetworkUnderTest network(
      "layer { dense { units: 3 } } layer { name: 'norm' batch_norm {} } layer { dense { units: 4 } }", options);
  EXPECT_TRUE(network.train(random_rows(options, 1), 1).finite);
}

TEST(FrozenNetwork, HasNothingToTrain) {
  NetworkOptions options = options_of(Precision::kFp32);
  options.is_frozen = [](std::string_view) { return true; };
  EXPECT_EQ(faults_of("layer { dense { units: 4 } }", options),
            "model: parameters: all parameters are frozen: nothing is left to train");
}

}  // namespace
}  // namespace lockstep
