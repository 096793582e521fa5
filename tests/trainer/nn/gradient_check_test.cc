// Every layer against the slow twin: forward, loss, batch-norm statistics, and all gradients. Each row of
// layer_cases.cc is tried as the first layer, whose input gradient nobody needs; behind a 1x1 convolution, which sees
// that gradient; and frozen behind it.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/trainer/nn/dropout_factors.h"
#include "tests/trainer/nn/gradient_comparison.h"
#include "tests/trainer/nn/layer_cases.h"
#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

constexpr int kClasses = 3;

struct Trial {
  NetworkUnderTest network;
  NaiveNetwork twin;
  Rows rows;
};

enum class Place { kFirst, kBehind, kFrozen };

Trial make_trial(const LayerCase& row, Place place) {
  const bool behind = place != Place::kFirst;
  NetworkOptions options{.image = row.image, .classes = kClasses, .slice_rows = row.rows, .seed = 11};
  options.loss.label_smoothing = behind ? 0.1F : 0.0F;
  if (place == Place::kFrozen) {
    options.is_frozen = [](std::string_view name) {
      return !name.starts_with("before/") && !name.starts_with("head/");
    };
  }
  const std::string before =
      behind ? fmt::format("layer {{ name: 'before' convolution {{ filters: {} kernel: 1 bias: false }} }}",
                           row.image.channels)
             : "";
  NetworkUnderTest network(before + row.layers + "layer { name: 'head' dense { units: 3 } }", options);
  network.randomize(3);
  NaiveNetwork twin = network.naive();
  Rows rows = random_rows(options, 5);
  if (std::string_view(row.layers).find("dropout") != std::string_view::npos) {
    twin.dropout_factors["drop"] = dropout_factors("drop", 0.4F, options, rows.indices, rows.epoch, behind);
  }
  return {std::move(network), std::move(twin), std::move(rows)};
}

template <typename Check>
void for_each_trial(Check check) {
  for (const LayerCase& row : layer_cases()) {
    for (const Place place : {Place::kFirst, Place::kBehind, Place::kFrozen}) {
      SCOPED_TRACE(fmt::format("{}, place {}", row.name, int(place)));
      Trial trial = make_trial(row, place);
      check(trial);
    }
  }
}

// Logits are sums of some hundred products of numbers near one, each rounded by 6e-8.
constexpr double kLogitTolerance = 2e-5;

void expect_same_result(const SliceResult& got, const NaiveResult& expected) {
  EXPECT_NEAR(got.loss_sum, expected.loss_sum, kLogitTolerance * double(expected.logits.size()));
  EXPECT_EQ(got.correct, expected.correct);
  EXPECT_TRUE(got.finite);
}

TEST(EveryLayer, EvaluatesLikeTheSlowTwin) {
  for_each_trial([](Trial& trial) {
    Network& network = *trial.network.network;
    const SliceResult result = network.evaluate_slice(trial.rows.slice(), int(trial.rows.targets.size()));
    const NaiveResult expected = trial.twin.evaluate(trial.rows.slice());
    expect_same_result(result, expected);
    ASSERT_EQ(network.logits().size(), expected.logits.size());
    for (std::size_t i = 0; i < expected.logits.size(); ++i) {
      EXPECT_NEAR(network.logits()[i], expected.logits[i], kLogitTolerance) << i;
    }
  });
}

TEST(EveryLayer, LearnsLikeTheSlowTwin) {
  for_each_trial([](Trial& trial) {
    const SliceResult result = trial.network.train(trial.rows, 0.5F);
    expect_same_result(result, trial.twin.train(trial.rows.slice()));
    for (const std::string& line : compare_gradients(trial.network.gradients(), trial.twin, trial.rows, 0.5)) {
      ADD_FAILURE() << line;
    }
  });
}

// The negative control: a derivative that is off by a thousandth, in one tensor at a time.
TEST(EveryLayer, AWrongDerivativeIsSeen) {
  for_each_trial([](Trial& trial) {
    trial.network.train(trial.rows, 1);
    const PlainTensors gradients = trial.network.gradients();
    for (const auto& [name, gradient] : gradients) {
      const auto [smallest, largest] = std::ranges::minmax(gradient);
      if (std::max(-smallest, largest) < 1e-3F) continue;  // nothing to be wrong about
      PlainTensors scaled = {{name, gradient}};
      for (float& element : scaled.at(name)) element *= 1.001F;
      EXPECT_FALSE(compare_gradients(scaled, trial.twin, trial.rows, 1).empty()) << name;
    }
  });
}

}  // namespace
}  // namespace lockstep
