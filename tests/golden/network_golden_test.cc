// A network with every kind of layer against the same network in PyTorch, computed in double: outputs, loss, gradients,
// and ten steps of two optimizers. One slice is the whole batch, so that batch norm sees the same rows.
#include <algorithm>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "tests/golden/fixture.h"
#include "tests/golden/ten_steps.h"
#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

constexpr int kRows = 12;

class NetworkGolden : public testing::Test {
 protected:
  NetworkGolden() {
    PlainTensors initial;
    for (const TensorInfo& tensor : under_test_.network->parameters()) {
      initial[tensor.name] = fixture_.at("initial/" + tensor.name);
    }
    under_test_.set_parameters(initial);
    rows_.images = fixture_.at("images");
    for (const float label : fixture_.at("labels")) rows_.targets.push_back(label);
    for (int row = 0; row < kRows; ++row) rows_.indices.push_back(row);
  }

  std::vector<std::string> compare(const std::string& name, std::span<const float> got, double tolerance) const {
    return differences(fixture_, name, got, tolerance);
  }

  std::span<const float> logits() {
    under_test_.network->evaluate_slice(rows_.slice(), kRows);
    return under_test_.network->logits();
  }

  // Each step adds its rounding, some 1e-6 of the largest value, and the nine after it carry that on; Adam divides by
  // roots that may be small.
  std::vector<std::string> compare_ten_steps(const std::string& name, const std::string& optimizer,
                                             float learning_rate) {
    return differences_of_ten_steps(under_test_, rows_, optimizer, learning_rate, fixture_, name, 1e-4);
  }

  static std::string model_text() {
    std::ifstream file(std::string(LOCKSTEP_GOLDEN_DIRECTORY) + "/network.model.pbtxt");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const Fixture fixture_ = read_fixture("network.fixture");
  Rows rows_;
  NetworkUnderTest under_test_{
      model_text(),
      {.image = {3, 18, 15}, .classes = 7, .slice_rows = kRows, .seed = 1, .loss = {.label_smoothing = 0.1F}}};
};

const std::vector<std::string> kNone;

// Sums of up to a few hundred products, each rounded by 6e-8 of its size, through eleven layers.
constexpr double kOnePass = 1e-5;

TEST_F(NetworkGolden, OutputsAgree) {
  EXPECT_EQ(compare("logits", logits(), kOnePass), kNone);
}

TEST_F(NetworkGolden, LossAndGradientsAgree) {
  const float loss_sum = under_test_.train(rows_, 1.0F / kRows).loss_sum;
  EXPECT_EQ(compare("loss_sum", {&loss_sum, 1}, kOnePass), kNone);
  const PlainTensors gradients = under_test_.gradients();
  for (const auto& [name, gradient] : gradients) EXPECT_EQ(compare("gradients/" + name, gradient, kOnePass), kNone);
  // Nothing is left out: every stored gradient has been looked at.
  EXPECT_EQ(gradients.size(), std::size_t(std::ranges::count_if(
                                  fixture_, [](const auto& entry) { return entry.first.starts_with("gradients/"); })));
}

TEST_F(NetworkGolden, TenStepsOfNesterovAgree) {
  EXPECT_EQ(compare_ten_steps("sgd", "sgd { momentum: 0.9 nesterov: true } weight_decay: 0.01", 0.05F), kNone);
}

TEST_F(NetworkGolden, TenStepsOfAdamAgree) {
  EXPECT_EQ(compare_ten_steps("adam", "adam {} weight_decay: 0.01", 0.002F), kNone);
}

// The comparison tells a slightly different optimizer apart.
TEST_F(NetworkGolden, AnotherMomentumDoesNotAgree) {
  EXPECT_NE(compare_ten_steps("sgd", "sgd { momentum: 0.89 nesterov: true } weight_decay: 0.01", 0.05F), kNone);
}

}  // namespace
}  // namespace lockstep
