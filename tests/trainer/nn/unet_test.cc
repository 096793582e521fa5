// A U-Net of four levels: long skips, which live from the encoder through the whole of forward to the decoder, and
// gradients that do so through backward.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tests/trainer/nn/gradient_comparison.h"
#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

// unet.model.pbtxt, with so many times fewer channels.
NetworkUnderTest make(int times_fewer, const NetworkOptions& options) {
  std::ifstream file(LOCKSTEP_NN_TESTS "/unet.model.pbtxt");
  std::stringstream text;
  text << file.rdbuf();
  proto::Model model;
  CHECK(google::protobuf::TextFormat::ParseFromString(text.str(), &model), "{}", text.str());
  for (proto::Layer& layer : *model.mutable_layer()) {
    if (!layer.has_convolution()) continue;
    layer.mutable_convolution()->set_filters(layer.convolution().filters() / times_fewer);
  }
  return NetworkUnderTest(model.DebugString(), options);
}

NetworkOptions options_of(Precision precision, int rows, int side) {
  return {.image = {3, side, side}, .classes = 5, .slice_rows = rows, .seed = 6, .precision = precision};
}

TEST(UNetGradients, AreThoseOfTheSlowTwin) {
  NetworkUnderTest network = make(8, options_of(Precision::kFp32, 6, 16));
  network.randomize(2);
  NaiveNetwork twin = network.naive();
  const Rows rows = random_rows(network.network->options(), 3);
  EXPECT_NEAR(network.train(rows, 1).loss_sum, twin.train(rows.slice()).loss_sum, 1e-3);
  // As random graphs: sums behind batch norms of few values round more.
  for (const std::string& line :
       compare_gradients(network.gradients(), twin, rows, 1,
                         {.elements = 0, .directions = 1, .relative_tolerance = 1e-3, .absolute_tolerance = 1e-5})) {
    ADD_FAILURE() << line;
  }
}

class UNet : public testing::TestWithParam<Precision> {};

TEST_P(UNet, LossFalls) {
  NetworkUnderTest network = make(4, options_of(GetParam(), 8, 16));
  const Rows rows = random_rows(network.network->options(), 1);
  const float before = network.train(rows, 1.F / 8).loss_sum;
  for (int step = 0; step < 20; ++step) {
    const std::span<float> values = network.network->parameter_values();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] -= 0.1F * network.gradient_array.data()[i];
    network.network->parameters_changed();
    network.train(rows, 1.F / 8);
  }
  EXPECT_LT(network.train(rows, 1.F / 8).loss_sum, before / 2);
}

TEST_P(UNet, SharedMemoryChangesNoBit) {
  NetworkOptions options = options_of(GetParam(), 8, 32);
  NetworkUnderTest shared = make(4, options);
  options.share_memory = false;
  NetworkUnderTest apart = make(4, options);
  for (std::uint32_t seed = 1; seed < 3; ++seed) {
    const Rows rows = random_rows(options, seed);
    EXPECT_EQ(shared.train(rows, 1).loss_sum, apart.train(rows, 1).loss_sum);
    EXPECT_TRUE(std::ranges::equal(shared.gradient_array.span(), apart.gradient_array.span()));
  }
}

// Of images at which the activations, not the weights, are what is large.
TEST_P(UNet, TakesLessThanHalfOfAllItsArrays) {
  NetworkOptions options = options_of(GetParam(), 16, 128);
  options.runs = false;
  const NetworkUnderTest shared = make(1, options);
  options.share_memory = false;
  const NetworkUnderTest apart = make(1, options);
  EXPECT_LT(2 * shared.network->memory_bytes(), apart.network->memory_bytes());
}

INSTANTIATE_TEST_SUITE_P(Precisions, UNet, testing::Values(Precision::kFp32, Precision::kBf16),
                         [](const auto& tested) { return tested.param == Precision::kFp32 ? "Fp32" : "Bf16"; });

}  // namespace
}  // namespace lockstep
