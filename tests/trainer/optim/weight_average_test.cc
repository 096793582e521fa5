#include "trainer/optim/weight_average.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

constexpr std::size_t kElements = 40;

std::vector<float> values_at(int step) {
  std::vector<float> values(kElements);
  for (std::size_t i = 0; i < kElements; ++i) values[i] = i % 8 == 7 ? 0 : float(int(i) * step % 13) - 6;
  return values;
}

TEST(WeightAverage, IsItsFormula) {
  constexpr float kDecay = 0.6F;
  WeightAverage average(kDecay, kElements, 1);
  average.begin(values_at(1), std::vector<float>{4});
  std::vector<double> expected;
  for (const float value : values_at(1)) expected.push_back(double(value));
  double buffer = 4;
  for (int step = 1; step <= 20; ++step) {
    const std::vector<float> values = values_at(step + 1);
    average.update(values, step, 0, kElements);
    average.update_buffers(std::vector<float>{float(step)}, step);
    const double decay = std::min(double(kDecay), (1.0 + step) / (10.0 + step));
    for (std::size_t i = 0; i < kElements; ++i) expected[i] = decay * expected[i] + (1 - decay) * double(values[i]);
    buffer = decay * buffer + (1 - decay) * step;
    for (std::size_t i = 0; i < kElements; ++i) EXPECT_NEAR(average.values()[i], expected[i], 1e-5) << i;
    EXPECT_NEAR(average.buffers()[0], buffer, 1e-5);
    for (std::size_t i = 7; i < kElements; i += 8) EXPECT_EQ(average.values()[i], 0) << "padding";
  }
}

TEST(WeightAverage, PartsAreTheWhole) {
  WeightAverage whole(0.99F, kElements, 0), parts(0.99F, kElements, 0);
  for (WeightAverage* const it : {&whole, &parts}) it->begin(values_at(1), {});
  for (int step = 1; step < 5; ++step) {
    whole.update(values_at(step), step, 0, kElements);
    parts.update(values_at(step), step, 13, kElements);
    parts.update(values_at(step), step, 0, 13);
  }
  EXPECT_TRUE(std::ranges::equal(whole.values(), parts.values()));
}

}  // namespace
}  // namespace lockstep
