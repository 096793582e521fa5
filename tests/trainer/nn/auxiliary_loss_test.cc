// Losses of layers inside the network: what they teach, and that evaluation does without the layers that only they
// need.
#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/nn/gradient_comparison.h"
#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

// The classifier inside reads, in another layout, what later layers read too, and has a batch norm and a dropout of its
// own. The last layers stand behind it in the text.
constexpr const char* kLayers = R"(
  layer { name: 'stem' convolution { filters: 16 kernel: 3 padding: SAME } }
  layer { name: 'relu' relu {} }
  layer { name: 'inner_flat' flatten {} }
  layer { name: 'inner_dense' dense { units: 9 } }
  layer { name: 'inner_norm' batch_norm { relu: true } }
  layer { name: 'inner' dense { units: 4 } }
  layer { name: 'pool' input: 'relu' max_pooling { kernel: 2 } }
  layer { name: 'side' dense { units: 4 } }
  layer { name: 'flat' input: 'relu' flatten {} }
  layer { name: 'deep' dense { units: 6 } }
  layer { name: 'tanh' tanh {} }
  layer { name: 'head' dense { units: 4 } })";

constexpr const char* kWithoutInner = R"(
  layer { name: 'stem' convolution { filters: 16 kernel: 3 padding: SAME } }
  layer { name: 'relu' relu {} }
  layer { name: 'flat' flatten {} }
  layer { name: 'deep' dense { units: 6 } }
  layer { name: 'tanh' tanh {} }
  layer { name: 'head' dense { units: 4 } })";

NetworkOptions options_of(std::vector<AuxiliaryLoss> auxiliary) {
  return {.image = {.channels = 3, .height = 6, .width = 7},
          .classes = 4,
          .slice_rows = 5,
          .seed = 5,
          .loss = {.label_smoothing = 0.1F},
          .auxiliary = std::move(auxiliary)};
}

const std::vector<AuxiliaryLoss> kTwo = {{"inner", 0.3F}, {"side", 2.0F}};

int steps_of_evaluation(const NetworkUnderTest& network, const Rows& rows) {
  int steps = 0;
  network.network->on_step([&steps] { ++steps; });
  network.network->evaluate_slice(rows.slice(), 5);
  network.network->on_step({});
  return steps;
}

TEST(AuxiliaryLosses, AreLearntFrom) {
  NetworkUnderTest network(kLayers, options_of(kTwo));
  network.randomize(3);
  NaiveNetwork twin = network.naive();
  const Rows rows = random_rows(network.network->options(), 2);
  const SliceResult result = network.train(rows, 0.25F);
  const NaiveResult expected = twin.train(rows.slice());
  EXPECT_NEAR(result.loss_sum, expected.loss_sum, 1e-5 * expected.loss_sum);
  EXPECT_EQ(result.correct, expected.correct) << "of the last layer";
  EXPECT_TRUE(result.finite);
  for (const std::string& line : compare_gradients(network.gradients(), twin, rows, 0.25)) ADD_FAILURE() << line;
}

TEST(AuxiliaryLosses, EvaluationDoesWithoutTheirLayers) {
  NetworkUnderTest with(kLayers, options_of(kTwo));
  NetworkUnderTest without(kWithoutInner, options_of({}));
  with.randomize(3);
  without.set_parameters(with.parameters());
  const Rows rows = random_rows(with.network->options(), 2);
  with.train(rows, 1);
  EXPECT_EQ(with.network->evaluate_slice(rows.slice(), 5).loss_sum,
            without.network->evaluate_slice(rows.slice(), 5).loss_sum);
  EXPECT_TRUE(std::ranges::equal(with.network->logits(), without.network->logits()));
  EXPECT_EQ(steps_of_evaluation(with, rows), steps_of_evaluation(without, rows));
}

TEST(AuxiliaryLosses, OneThatIsNotFiniteIsReported) {
  NetworkUnderTest network(kLayers, options_of({{"inner", 0.3F}, {"side", 1.0F}}));
  const Rows rows = random_rows(network.network->options(), 2);
  EXPECT_TRUE(network.train(rows, 1).finite);
  PlainTensors tensors = network.parameters();
  tensors.at("side/bias")[1] = std::numeric_limits<float>::quiet_NaN();
  network.set_parameters(tensors);
  EXPECT_FALSE(network.train(rows, 1).finite);
  EXPECT_TRUE(network.network->evaluate_slice(rows.slice(), 5).finite);
}

// What another layer reads may be the output of a classifier, and what lies before it may be frozen.
TEST(AuxiliaryLosses, MayHaveOtherReadersAndFrozenLayers) {
  constexpr const char* kChain = R"(
    layer { name: 'one' convolution { filters: 8 kernel: 3 } }
    layer { name: 'two' dense { units: 4 } }
    layer { name: 'three' tanh {} }
    layer { name: 'four' dense { units: 4 } })";
  NetworkOptions options = options_of({{"three", 0.5F}, {"two", 1.5F}});
  for (const bool frozen : {false, true}) {
    if (frozen)
      options.is_frozen = [](std::string_view name) { return name.starts_with("one/") || name.starts_with("two/"); };
    NetworkUnderTest network(kChain, options);
    network.randomize(3);
    NaiveNetwork twin = network.naive();
    const Rows rows = random_rows(options, 2);
    network.train(rows, 1);
    for (const std::string& line : compare_gradients(network.gradients(), twin, rows, 1)) ADD_FAILURE() << line;
  }
}

std::string faults_of(const std::vector<AuxiliaryLoss>& auxiliary) {
  proto::Model model = NetworkUnderTest(kLayers, options_of(kTwo)).model;
  Faults faults;
  EXPECT_EQ(Network::build(model, options_of(auxiliary), faults), nullptr);
  return std::string(faults.status("job").message());
}

TEST(AuxiliaryLosses, AreOfLayersThatGiveOneValueAClass) {
  EXPECT_EQ(faults_of({{"inner", 1}, {"sides", 1}}),
            "job: loss.auxiliary[1].layer: expected the name of a layer, got \"sides\"; did you mean \"side\"?");
  EXPECT_EQ(faults_of({{"inner", 1}, {"side", 1}, {"inner", 1}, {"head", 1}}),
            "job: loss.auxiliary[2].layer: the loss of inner counts already\n"
            "job: loss.auxiliary[3].layer: the loss of head counts already");
  EXPECT_EQ(faults_of({{"inner", 1}, {"side", 1}, {"deep", 1}}),
            "job: loss.auxiliary[2].layer: deep must give one value a class: expected 4 values a row, got 6 (6); end "
            "with dense { units: 4 }");
  EXPECT_EQ(faults_of({{"inner", 1}}),
            "job: model.layer[7]: nobody reads what side gives: name it in the input of a later layer or in "
            "loss.auxiliary, or take it out");
}

}  // namespace
}  // namespace lockstep
