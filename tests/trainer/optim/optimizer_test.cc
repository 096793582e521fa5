#include "trainer/optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/job.pb.h"
#include "storage/base/text_proto.h"
#include "trainer/optim/parameter_group.h"

namespace lockstep {
namespace {

proto::Optimizer parse(const std::string& text) {
  proto::Optimizer spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

// A small arena whose tensors have odd sizes, so that vector loops have remainders, and end in padding.
std::vector<TensorInfo> small_parameters() {
  return {{"convolution_1/weights", {3, 13}, 0, 48, true},
          {"batch_norm_1/scale", {3}, 48, 3, false},
          {"batch_norm_1/shift", {3}, 51, 3, false},
          {"dense_1/weights", {5, 7}, 54, 35, true},
          {"dense_1/bias", {5}, 89, 5, false}};
}
constexpr std::size_t kElements = 94;

bool is_padding(std::size_t element) {
  return element >= 39 && element < 48;
}

std::vector<float> normal_values(std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(kElements);
  for (std::size_t i = 0; i < kElements; ++i) values[i] = is_padding(i) ? 0.0F : normal(generator);
  return values;
}

// The slow twin: one element at a time, in double, written from the formulas in sgd.h and adam.h.
class NaiveOptimizer {
 public:
  NaiveOptimizer(const proto::Optimizer& spec, std::vector<float> values)
      : spec_(spec), values_(values.begin(), values.end()), first_(kElements), second_(kElements) {}

  void update(std::span<const float> gradients, double gradient_scale, double learning_rate, int step) {
    for (const TensorInfo& tensor : small_parameters()) {
      const double decay = tensor.is_weights || spec_.decay_all() ? spec_.weight_decay() : 0.0;
      for (std::size_t i = tensor.offset; i < tensor.offset + tensor.elements; ++i) {
        const double gradient = gradient_scale * gradients[i] + decay * values_[i];
        values_[i] -= learning_rate * (spec_.has_adam() ? adam(i, gradient, step) : sgd(i, gradient));
      }
    }
  }

  const std::vector<double>& values() const { return values_; }

 private:
  double sgd(std::size_t i, double gradient) {
    const double momentum = spec_.sgd().momentum();
    first_[i] = momentum * first_[i] + gradient;
    return spec_.sgd().nesterov() ? gradient + momentum * first_[i] : first_[i];
  }

  double adam(std::size_t i, double gradient, int step) {
    const double beta1 = spec_.adam().beta1();
    const double beta2 = spec_.adam().beta2();
    first_[i] = beta1 * first_[i] + (1 - beta1) * gradient;
    second_[i] = beta2 * second_[i] + (1 - beta2) * gradient * gradient;
    const double first = first_[i] / (1 - std::pow(beta1, step));
    const double second = second_[i] / (1 - std::pow(beta2, step));
    return first / (std::sqrt(second) + double(spec_.adam().epsilon()));
  }

  const proto::Optimizer spec_;
  std::vector<double> values_;
  std::vector<double> first_;
  std::vector<double> second_;
};

class OptimizerAgainstNaive : public testing::TestWithParam<const char*> {};

// Values and updates stay below 8. Each of the ten steps rounds about five times, by at most half a unit in the last
// place of 8 (4.8e-7): 2.4e-5 in the worst case.
TEST_P(OptimizerAgainstNaive, TenStepsAgree) {
  const proto::Optimizer spec = parse(GetParam());
  std::vector<float> values = normal_values(1);
  NaiveOptimizer naive(spec, values);
  const auto optimizer = Optimizer::make(spec, small_parameters(), kElements);
  for (int step = 1; step <= 10; ++step) {
    const std::vector<float> gradients = normal_values(100 + std::uint32_t(step));
    const float gradient_scale = step % 2 == 0 ? 0.25F : 1.0F;
    const float learning_rate = 0.02F * float(step);
    optimizer->update(values, gradients, gradient_scale, learning_rate, step);
    naive.update(gradients, gradient_scale, learning_rate, step);
    for (std::size_t i = 0; i < kElements; ++i) {
      ASSERT_NEAR(values[i], naive.values()[i], 2.4e-5) << "step " << step << ", element " << i;
    }
  }
}

// Any other optimizer must be told apart by that comparison.
TEST_P(OptimizerAgainstNaive, AnotherMomentumDoesNotAgree) {
  proto::Optimizer spec = parse(GetParam());
  std::vector<float> values = normal_values(1);
  NaiveOptimizer naive(spec, values);
  if (spec.has_adam()) {
    spec.mutable_adam()->set_beta1(spec.adam().beta1() + 0.01F);
  } else {
    spec.mutable_sgd()->set_momentum(spec.sgd().momentum() + 0.01F);
  }
  const auto optimizer = Optimizer::make(spec, small_parameters(), kElements);
  for (int step = 1; step <= 10; ++step) {
    const std::vector<float> gradients = normal_values(100 + std::uint32_t(step));
    optimizer->update(values, gradients, 1, 0.1F, step);
    naive.update(gradients, 1, 0.1F, step);
  }
  double largest = 0;
  for (std::size_t i = 0; i < kElements; ++i) largest = std::max(largest, std::abs(values[i] - naive.values()[i]));
  EXPECT_GT(largest, 1e-3);
}

TEST_P(OptimizerAgainstNaive, PaddingStaysZero) {
  const proto::Optimizer spec = parse(GetParam());
  std::vector<float> values = normal_values(2);
  const auto optimizer = Optimizer::make(spec, small_parameters(), kElements);
  for (int step = 1; step <= 3; ++step) optimizer->update(values, normal_values(3), 0.5F, 0.1F, step);
  for (std::size_t i = 0; i < kElements; ++i) {
    if (!is_padding(i)) continue;
    EXPECT_EQ(values[i], 0.0F) << i;
    for (const OptimizerSlot& slot : optimizer->slots()) EXPECT_EQ(slot.values[i], 0.0F) << slot.name << " " << i;
  }
}

// What a checkpoint relies on: the slots are all there is to remember.
TEST_P(OptimizerAgainstNaive, CopiedSlotsContinueWithTheSameBits) {
  const proto::Optimizer spec = parse(GetParam());
  std::vector<float> values = normal_values(4);
  const auto original = Optimizer::make(spec, small_parameters(), kElements);
  for (int step = 1; step <= 3; ++step) original->update(values, normal_values(5), 1, 0.1F, step);
  const auto resumed = Optimizer::make(spec, small_parameters(), kElements);
  std::vector<float> resumed_values = values;
  ASSERT_EQ(resumed->slots().size(), original->slots().size());
  for (std::size_t slot = 0; slot < original->slots().size(); ++slot) {
    EXPECT_EQ(resumed->slots()[slot].name, original->slots()[slot].name);
    std::ranges::copy(original->slots()[slot].values, resumed->slots()[slot].values.begin());
  }
  original->update(values, normal_values(6), 1, 0.1F, 4);
  resumed->update(resumed_values, normal_values(6), 1, 0.1F, 4);
  EXPECT_EQ(values, resumed_values);
}

INSTANTIATE_TEST_SUITE_P(Kinds, OptimizerAgainstNaive,
                         testing::Values("", "sgd { momentum: 0 }", "sgd { momentum: 0.9 } weight_decay: 0.01",
                                         "sgd { momentum: 0.8 nesterov: true } weight_decay: 0.1",
                                         "sgd { nesterov: true } weight_decay: 0.1 decay_all: true", "adam {}",
                                         "adam { beta1: 0.8 beta2: 0.99 epsilon: 0.001 } weight_decay: 0.1",
                                         "adam {} weight_decay: 0.1 decay_all: true"));

ParameterGroups groups(const std::string& text) {
  proto::Job job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &job)) << text;
  return job.parameters();
}

TEST(ParameterRuns, CoverTheArenaWithFewRuns) {
  const auto runs = parameter_runs(parse("weight_decay: 0.5"), {}, small_parameters(), 96);
  ASSERT_EQ(runs.size(), 4U);
  const std::size_t bounds[] = {0, 48, 54, 89, 96};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(runs[i].begin, bounds[i]);
    EXPECT_EQ(runs[i].end, bounds[i + 1]);
    EXPECT_EQ(runs[i].treatment, (Treatment{i % 2 == 0 ? 0.5F : 0.0F, 1}));
  }
}

TEST(ParameterRuns, AreOneWhenAllTensorsAreTreatedAlike) {
  EXPECT_EQ(parameter_runs(parse(""), {}, small_parameters(), kElements).size(), 1U);
  EXPECT_EQ(parameter_runs(parse("weight_decay: 0.5 decay_all: true"), {}, small_parameters(), kElements).size(), 1U);
  EXPECT_EQ(
      parameter_runs(parse(""), groups("parameters { match: '*' rate_scale: 0.1 }"), small_parameters(), kElements)
          .size(),
      1U);
  EXPECT_TRUE(parameter_runs(parse(""), {}, {}, 0).empty());
}

TEST(ParameterGroups, TheLastThatMatchesCounts) {
  const auto of = [](std::size_t tensor) {
    return treatment_of(
        small_parameters()[tensor], parse("weight_decay: 0.5"),
        groups("parameters { match: '*' rate_scale: 0.1 } parameters { match: 'dense_1/*' weight_decay: 2 }"
               "parameters { match: '*/shift' rate_scale: 3 }"));
  };
  EXPECT_EQ(of(0), (Treatment{0.5F, 0.1F}));
  EXPECT_EQ(of(1), (Treatment{0, 0.1F}));
  EXPECT_EQ(of(2), (Treatment{0, 3}));
  EXPECT_EQ(of(3), (Treatment{2, 1}));
  EXPECT_EQ(of(4), (Treatment{0, 1})) << "a bias has none unless all have";
}

TEST(ParameterGroups, PatternsAreWholeNames) {
  for (const char* pattern : {"a/b/weights", "*", "a/*", "*/weights", "a/*/weights", "*b*", "a*s", "**/weights**"}) {
    EXPECT_TRUE(matches(pattern, "a/b/weights")) << pattern;
  }
  for (const char* pattern : {"", "a", "b/*", "*/weight", "a/*/b/weights", "*c*", "a/b/weights/*", "A/*"}) {
    EXPECT_FALSE(matches(pattern, "a/b/weights")) << pattern;
  }
  EXPECT_TRUE(matches("*ab*ab", "aabab"));
  EXPECT_FALSE(matches("*ab*ab", "aab"));
}

TEST(ParameterGroups, OneThatMatchesNothingIsAFault) {
  Faults faults;
  check_groups(small_parameters(), {}, groups("parameters { match: '*' } parameters { match: 'dense_1/wieghts' }"),
               faults);
  EXPECT_EQ(faults.status("job").message(),
            "job: parameters[1].match: expected a pattern of names of tensors, as \"convolution_1/weights\"; "
            "\"dense_1/wieghts\" matches none; did you mean \"dense_1/weights\"?");
}

TEST(ParameterGroups, OneThatIsFrozenSaysNoMore) {
  const ParameterGroups frozen = groups("parameters { match: '*' frozen: true } parameters { match: '*/bias' }");
  EXPECT_TRUE(is_frozen("dense_1/weights", frozen));
  EXPECT_FALSE(is_frozen("dense_1/bias", frozen)) << "the last that matches counts";
  EXPECT_FALSE(is_frozen("dense_1/weights", {}));
  Faults faults;
  check_groups({}, small_parameters(), frozen, faults);
  EXPECT_TRUE(faults.empty());
  check_groups(small_parameters(), {},
               groups("parameters { match: '*' frozen: true rate_scale: 0.1 }"
                      "parameters { match: '*' frozen: true weight_decay: 0 }"),
               faults);
  const std::string why = "what is frozen has neither rate_scale nor weight_decay: leave out one or the other";
  EXPECT_EQ(faults.status("job").message(),
            "job: parameters[0].frozen: " + why + "\njob: parameters[1].frozen: " + why);
}

// Against an optimizer for all that has the rate and the decay of the group.
TEST(ParameterGroups, AreUpdatedAsByAnOptimizerOfTheirOwn) {
  for (const char* kind : {"sgd { nesterov: true }", "adam {}"}) {
    const std::string decayed = std::string(kind) + " weight_decay: 0.5";
    std::vector<float> values = normal_values(1), others = values, own = values;
    const auto all = Optimizer::make(parse(kind), small_parameters(), kElements,
                                     groups("parameters { match: 'dense_1/*' rate_scale: 0.25 weight_decay: 0.5 }"));
    const auto outside = Optimizer::make(parse(kind), small_parameters(), kElements);
    const auto inside = Optimizer::make(parse(decayed), small_parameters(), kElements);
    for (int step = 1; step <= 3; ++step) {
      const std::vector<float> gradients = normal_values(100 + std::uint32_t(step));
      all->update(values, gradients, 1, 0.1F, step);
      outside->update(others, gradients, 1, 0.1F, step);
      inside->update(own, gradients, 1, 0.25F * 0.1F, step);
    }
    for (std::size_t i = 0; i < kElements; ++i) EXPECT_EQ(values[i], i < 54 ? others[i] : own[i]) << kind << i;
    EXPECT_NE(others, own);
  }
}

TEST(GlobalNorm, IsTheEuclideanNorm) {
  for (const std::size_t elements :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{16}, std::size_t{33}, std::size_t{1000}}) {
    std::vector<float> gradients(elements);
    double sum = 0;
    for (std::size_t i = 0; i < elements; ++i) {
      gradients[i] = float(i % 13) - 6.5F;
      sum += double(gradients[i]) * double(gradients[i]);
    }
    EXPECT_DOUBLE_EQ(global_norm(gradients), std::sqrt(sum)) << elements;
  }
  EXPECT_DOUBLE_EQ(global_norm(std::vector<float>{3, 4}), 5);
}

TEST(GlobalNorm, SumsInDouble) {
  // In float the squares overflow, and ones added to 2^24 are lost.
  EXPECT_DOUBLE_EQ(global_norm(std::vector<float>{std::ldexp(3.0F, 100), std::ldexp(4.0F, 100)}), std::ldexp(5.0, 100));
  std::vector<float> gradients(1 << 10, 1.0F);
  gradients[0] = 16384;
  EXPECT_DOUBLE_EQ(global_norm(gradients), std::sqrt(16384.0 * 16384.0 + 1023.0));
}

TEST(GlobalNorm, IsNotFiniteWhenAGradientIsNot) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const std::size_t where : {std::size_t{0}, std::size_t{20}, std::size_t{32}}) {
      std::vector<float> gradients(33, 1.0F);
      gradients[where] = bad;
      EXPECT_FALSE(std::isfinite(global_norm(gradients))) << bad << " at " << where;
    }
  }
}

// Clipping: the step made with gradient_scale = limit / norm moves the weights by exactly the limit.
TEST(GlobalNorm, ScaleBringsTheStepToTheLimit) {
  const std::vector<float> gradients = normal_values(7);
  const double limit = 0.5;
  const double norm = global_norm(gradients);
  ASSERT_GT(norm, limit);
  std::vector<float> values(kElements, 0.0F);
  Optimizer::make(parse("sgd { momentum: 0 }"), small_parameters(), kElements)
      ->update(values, gradients, float(limit / norm), 1, 1);
  EXPECT_NEAR(global_norm(values), limit, 1e-6);
  for (std::size_t i = 0; i < kElements; ++i) {
    EXPECT_NEAR(values[i] / -limit, double(gradients[i]) / norm, 1e-6);  // the direction is kept
  }
}

}  // namespace
}  // namespace lockstep
