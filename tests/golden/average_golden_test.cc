// The moving average of weights and buffers after each of ten steps, against PyTorch's AveragedModel.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/golden/fixture.h"
#include "trainer/optim/weight_average.h"

namespace lockstep {
namespace {

// Values stay below 4. A step rounds three times, by at most half a unit in the last place of 4 (2.4e-7), and keeps at
// most 11/20 of what was off before, as the decay has come no further in ten steps.
constexpr double kTolerance = 1.6e-6;

TEST(AverageGolden, EveryStepAgreesWithPyTorch) {
  const Fixture fixture = read_fixture("average.fixture");
  for (const char* decay : {"0.3", "0.5", "0.999"}) {
    const std::vector<float>&values = fixture.at("values"), &buffers = fixture.at("buffers");
    const std::vector<float>& expected = fixture.at(std::string(decay) + "/values");
    const std::vector<float>& expected_buffers = fixture.at(std::string(decay) + "/buffers");
    const std::size_t steps = 10, of_values = expected.size() / steps, of_buffers = expected_buffers.size() / steps;
    const auto at = [](const std::vector<float>& rows, std::size_t row, std::size_t count) {
      return std::span(rows).subspan(row * count, count);
    };
    WeightAverage average(std::stof(decay), of_values, of_buffers);
    average.begin(at(values, 0, of_values), at(buffers, 0, of_buffers));
    for (std::size_t step = 1; step <= steps; ++step) {
      average.update(at(values, step, of_values), std::int64_t(step), 0, of_values);
      average.update_buffers(at(buffers, step, of_buffers), std::int64_t(step));
      for (std::size_t i = 0; i < of_values; ++i) {
        EXPECT_NEAR(average.values()[i], at(expected, step - 1, of_values)[i], kTolerance) << decay << " " << step;
      }
      for (std::size_t i = 0; i < of_buffers; ++i) {
        EXPECT_NEAR(average.buffers()[i], at(expected_buffers, step - 1, of_buffers)[i], kTolerance)
            << decay << " " << step;
      }
    }
  }
}

}  // namespace
}  // namespace lockstep
