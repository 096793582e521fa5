#include "trainer/optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/optim/small_arena.h"

namespace lockstep {
namespace {

// The slow twin: one element at a time, in double, written from the formulas in sgd.h, adam.h and rms_prop.h.
class NaiveOptimizer {
 public:
  NaiveOptimizer(const proto::Optimizer& spec, std::vector<float> values)
      : spec_(spec), values_(values.begin(), values.end()), first_(kElements), second_(kElements), third_(kElements) {}

  void update(std::span<const float> gradients, double gradient_scale, double learning_rate, int step) {
    for (const TensorInfo& tensor : small_parameters()) {
      const bool decays = tensor.is_weights || spec_.decay_all();
      const double l2 = decays ? spec_.weight_decay() : 0.0;
      const double l1 = decays ? spec_.l1_decay() : 0.0;
      for (std::size_t i = tensor.offset; i < tensor.offset + tensor.elements; ++i) {
        const double sign = values_[i] > 0 ? 1 : values_[i] < 0 ? -1 : 0;
        double gradient = gradient_scale * gradients[i] + l1 * sign;
        if (spec_.has_adam_w()) {
          values_[i] *= 1 - learning_rate * l2;
        } else {
          gradient += l2 * values_[i];
        }
        values_[i] -= learning_rate * direction(i, gradient, step);
      }
    }
  }

  const std::vector<double>& values() const { return values_; }

 private:
  double direction(std::size_t i, double gradient, int step) {
    if (spec_.has_adam()) return adam(spec_.adam(), i, gradient, step);
    if (spec_.has_adam_w()) return adam(spec_.adam_w(), i, gradient, step);
    return spec_.has_rms_prop() ? rms_prop(i, gradient) : sgd(i, gradient);
  }

  double sgd(std::size_t i, double gradient) {
    const double momentum = spec_.sgd().momentum();
    first_[i] = momentum * first_[i] + gradient;
    return spec_.sgd().nesterov() ? gradient + momentum * first_[i] : first_[i];
  }

  template <typename Spec>
  double adam(const Spec& spec, std::size_t i, double gradient, int step) {
    const double beta1 = spec.beta1();
    const double beta2 = spec.beta2();
    first_[i] = beta1 * first_[i] + (1 - beta1) * gradient;
    second_[i] = beta2 * second_[i] + (1 - beta2) * gradient * gradient;
    const double first = first_[i] / (1 - std::pow(beta1, step));
    const double second = second_[i] / (1 - std::pow(beta2, step));
    return first / (std::sqrt(second) + double(spec.epsilon()));
  }

  double rms_prop(std::size_t i, double gradient) {
    const double alpha = spec_.rms_prop().alpha();
    second_[i] = alpha * second_[i] + (1 - alpha) * gradient * gradient;
    third_[i] = alpha * third_[i] + (1 - alpha) * gradient;
    const double variance = second_[i] - (spec_.rms_prop().centered() ? third_[i] * third_[i] : 0.0);
    const double scaled = gradient / (std::sqrt(variance) + double(spec_.rms_prop().epsilon()));
    first_[i] = spec_.rms_prop().momentum() * first_[i] + scaled;
    return first_[i];
  }

  const proto::Optimizer spec_;
  std::vector<double> values_;
  std::vector<double> first_;
  std::vector<double> second_;
  std::vector<double> third_;
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
  } else if (spec.has_adam_w()) {
    spec.mutable_adam_w()->set_beta1(spec.adam_w().beta1() + 0.01F);
  } else if (spec.has_rms_prop()) {
    spec.mutable_rms_prop()->set_alpha(spec.rms_prop().alpha() - 0.01F);
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

TEST_P(OptimizerAgainstNaive, HasAsManySlotsAsWereSaid) {
  const proto::Optimizer spec = parse(GetParam());
  EXPECT_EQ(Optimizer::make(spec, small_parameters(), kElements)->slots().size(),
            std::size_t(Optimizer::slot_count(spec)));
}

// Ranks that share memory update a part each; parts begin and end anywhere.
TEST_P(OptimizerAgainstNaive, PartsGiveTheBitsOfTheWhole) {
  const proto::Optimizer spec = parse(GetParam());
  std::vector<float> values = normal_values(8), parted = values;
  const auto whole = Optimizer::make(spec, small_parameters(), kElements);
  const auto parts = Optimizer::make(spec, small_parameters(), kElements);
  for (int step = 1; step <= 3; ++step) {
    const std::vector<float> gradients = normal_values(100 + std::uint32_t(step));
    whole->update(values, gradients, 0.5F, 0.1F, step);
    for (const auto& [begin, end] : {std::pair{60, 94}, {0, 7}, {7, 7}, {7, 60}}) {
      parts->update(parted, gradients, 0.5F, 0.1F, step, std::size_t(begin), std::size_t(end));
    }
    EXPECT_EQ(values, parted) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, OptimizerAgainstNaive,
                         testing::Values("", "sgd { momentum: 0 }", "sgd { momentum: 0.9 } weight_decay: 0.01",
                                         "sgd { momentum: 0.8 nesterov: true } weight_decay: 0.1",
                                         "sgd { nesterov: true } weight_decay: 0.1 decay_all: true", "adam {}",
                                         "adam { beta1: 0.8 beta2: 0.99 epsilon: 0.001 } weight_decay: 0.1",
                                         "adam {} weight_decay: 0.1 decay_all: true", "adam_w {}",
                                         "adam_w { beta1: 0.8 beta2: 0.99 epsilon: 0.001 } weight_decay: 0.5",
                                         "adam_w {} weight_decay: 0.5 l1_decay: 0.2 decay_all: true", "rms_prop {}",
                                         "rms_prop { alpha: 0.9 epsilon: 0.001 } weight_decay: 0.1",
                                         "rms_prop { momentum: 0.5 } weight_decay: 0.1 decay_all: true",
                                         "rms_prop { centered: true epsilon: 0.01 }",
                                         "rms_prop { alpha: 0.9 momentum: 0.5 centered: true epsilon: 0.01 } "
                                         "weight_decay: 0.1 l1_decay: 0.2",
                                         "l1_decay: 0.2", "sgd { nesterov: true } weight_decay: 0.1 l1_decay: 0.2",
                                         "adam {} l1_decay: 0.2 decay_all: true", "rms_prop {} l1_decay: 0.2"));

// Where the mean of squares is the square of the mean, their difference in float32 may be below zero.
TEST(RmsProp, CenteredIsFiniteForGradientsThatDoNotChange) {
  const proto::Optimizer spec = parse("rms_prop { alpha: 0.5 centered: true }");
  std::vector<float> values(kElements), gradients(kElements);
  for (std::size_t i = 0; i < kElements; ++i) gradients[i] = 0.1F + 0.013F * float(i);
  const auto optimizer = Optimizer::make(spec, small_parameters(), kElements);
  bool below_zero = false;
  for (int step = 1; step <= 60; ++step) {
    optimizer->update(values, gradients, 1, 1e-12F, step);
    for (std::size_t i = 0; i < kElements; ++i) {
      ASSERT_TRUE(std::isfinite(values[i])) << step << " " << i;
      const float mean = optimizer->slots()[1].values[i];
      below_zero = below_zero || std::fma(-mean, mean, optimizer->slots()[0].values[i]) < 0;
    }
  }
  EXPECT_TRUE(below_zero) << "no case of it";
}

TEST(L1Decay, DrawsEachWeightToZeroAndLeavesZero) {
  std::vector<float> values = normal_values(9);
  values[0] = 0;
  values[1] = -0.0F;
  const std::vector<float> before = values, none(kElements);
  Optimizer::make(parse("sgd { momentum: 0 } l1_decay: 0.5"), small_parameters(), kElements)
      ->update(values, none, 1, 0.25F, 1);
  for (const TensorInfo& tensor : small_parameters()) {
    for (std::size_t i = tensor.offset; i < tensor.offset + tensor.elements; ++i) {
      const float sign = before[i] > 0 ? 1.0F : before[i] < 0 ? -1.0F : 0.0F;
      EXPECT_EQ(values[i], before[i] - (tensor.is_weights ? 0.125F * sign : 0.0F)) << i;
    }
  }
}

// Clipping: the step made with gradient_scale = limit / norm moves the weights by exactly the limit.
TEST(OptimizerTest, ClippingScaleBringsTheStepToTheLimit) {
  const std::vector<float> gradients = normal_values(7);
  const double limit = 0.5;
  const auto norm_of = [](const std::vector<float>& vector) {
    return std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
  };
  const double norm = norm_of(gradients);
  ASSERT_GT(norm, limit);
  std::vector<float> values(kElements, 0.0F);
  Optimizer::make(parse("sgd { momentum: 0 }"), small_parameters(), kElements)
      ->update(values, gradients, float(limit / norm), 1, 1);
  EXPECT_NEAR(norm_of(values), limit, 1e-6);
  for (std::size_t i = 0; i < kElements; ++i) {
    EXPECT_NEAR(values[i] / -limit, double(gradients[i]) / norm, 1e-6);  // the direction is kept
  }
}

}  // namespace
}  // namespace lockstep
