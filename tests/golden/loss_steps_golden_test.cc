// Ten steps of a small network with each loss, against PyTorch.
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/golden/fixture.h"
#include "tests/golden/ten_steps.h"
#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

// SmallNetwork in loss_fixtures.py.
const std::string kTrunk =
    "layer { name: 'stem' convolution { filters: 6 kernel: 3 padding: SAME bias: false } }"
    "layer { name: 'norm' batch_norm { relu: true } }";
const std::string kVector = kTrunk + "layer { max_pooling { kernel: 3 } } layer { name: 'dense' dense { units: 5 } }";
const std::string kMap = kTrunk + "layer { name: 'map' convolution { filters: 5 kernel: 1 } }";

struct Case {
  const char* name;  // in the fixture, as the other
  const char* targets;
  const std::string* model;
  LossOptions loss;
};
void PrintTo(const Case& it, std::ostream* out) {
  *out << it.name;
}

const std::vector<float> kWeights = {0.5F, 2, 1, 0.25F, 3};

const Case kCases[] = {
    {"softmax", "classes", &kVector, {.label_smoothing = 0.1F, .weights = kWeights, .ignored = 2}},
    {"binary", "labels", &kVector, {.kind = LossKind::kBinaryCrossEntropy, .weights = kWeights}},
    {"squared", "numbers", &kVector, {.kind = LossKind::kMeanSquaredError}},
    {"huber", "numbers", &kVector, {.kind = LossKind::kHuber, .delta = 0.5F}},
    {"masks", "masks", &kMap, {.kind = LossKind::kPixelCrossEntropy, .dice_weight = 0.5F}},
};

class LossStepsGolden : public testing::TestWithParam<Case> {
 protected:
  std::vector<std::string> differences_of(const LossOptions& loss) const {
    constexpr int kRows = 8;
    NetworkUnderTest under_test(*GetParam().model,
                                {.image = {3, 9, 6}, .classes = 5, .slice_rows = kRows, .seed = 1, .loss = loss});
    PlainTensors initial;
    for (const TensorInfo& tensor : under_test.network->parameters()) {
      initial[tensor.name] = fixture_.at("initial/" + tensor.name);
    }
    under_test.set_parameters(initial);
    Rows rows{.images = fixture_.at("images"), .targets = fixture_.at(GetParam().targets), .indices = {}};
    for (int row = 0; row < kRows; ++row) rows.indices.push_back(row);
    // Each step rounds sums of some fifty products, and momentum carries the error on.
    return differences_of_ten_steps(under_test, rows, "sgd { momentum: 0.9 }", 0.05F, fixture_, GetParam().name, 1e-5);
  }

  const Fixture fixture_ = read_fixture("loss_steps.fixture");
};

const std::vector<std::string> kNone;

TEST_P(LossStepsGolden, TenStepsAgreeWithPyTorch) {
  EXPECT_EQ(differences_of(GetParam().loss), kNone);
}

// The comparison tells a slightly different loss apart.
TEST_P(LossStepsGolden, AnotherLossDoesNotAgree) {
  LossOptions other = GetParam().loss;
  if (!other.weights.empty()) other.weights[1] = 1.99F;
  other.delta += 0.01F;
  other.dice_weight += 0.01F;
  if (other.kind == LossKind::kMeanSquaredError) other.kind = LossKind::kHuber;
  EXPECT_NE(differences_of(other), kNone);
}

INSTANTIATE_TEST_SUITE_P(Losses, LossStepsGolden, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace lockstep
