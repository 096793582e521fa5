#include "tests/trainer/nn/gradient_comparison.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>

namespace lockstep {
namespace {

// Central differences in double: the error is about kNudge^2 (the third derivative) + 1e-15 / kNudge (rounding), so
// near 1e-9. Small, so that hardly ever a ReLU or a maximum changes its mind within the nudge.
constexpr double kNudge = 1e-6;

// Derivative of the loss along `direction`.
double derivative(NaiveNetwork& twin, const Rows& rows, std::vector<double>& values,
                  const std::vector<double>& direction) {
  const std::vector<double> original = values;
  double norm = 0;
  for (const double element : direction) norm += element * element;
  const double nudge = kNudge / std::sqrt(norm);
  double loss[2] = {};
  for (const int side : {0, 1}) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = original[i] + (side == 0 ? -nudge : nudge) * direction[i];
    }
    loss[side] = twin.train(rows.slice()).loss_sum;
  }
  values = original;
  return (loss[1] - loss[0]) / (2 * nudge);
}

}  // namespace

std::vector<std::string> compare_gradients(const PlainTensors& gradients, NaiveNetwork& twin, const Rows& rows,
                                           double loss_scale, const Comparison& comparison) {
  std::vector<std::string> disagreements;
  std::mt19937 generator(7);
  for (const auto& [name, gradient] : gradients) {
    double largest = 0;
    for (const float element : gradient) largest = std::max(largest, std::abs(double(element)));
    const double tolerance = comparison.relative_tolerance * largest + comparison.absolute_tolerance;
    std::vector<double>& values = twin.values.at(name);

    for (std::size_t sample = 0; sample < std::min(comparison.elements, gradient.size()); ++sample) {
      const std::size_t element = gradient.size() <= comparison.elements ? sample : generator() % gradient.size();
      std::vector<double> direction(gradient.size());
      direction[element] = 1;
      const double expected = loss_scale * derivative(twin, rows, values, direction);
      if (!(std::abs(gradient[element] - expected) <= tolerance)) {
        disagreements.push_back(fmt::format("{}[{}]: gradient {}, central difference {}, tolerance {}", name, element,
                                            gradient[element], expected, tolerance));
      }
    }
    for (int sample = 0; sample < comparison.directions; ++sample) {
      std::vector<double> direction(gradient.size());
      double got = 0;
      for (std::size_t i = 0; i < direction.size(); ++i) {
        direction[i] = generator() % 2 == 0 ? 1 : -1;
        got += direction[i] * double(gradient[i]);
      }
      const double expected = loss_scale * derivative(twin, rows, values, direction);
      // Errors of the elements are independent.
      const double direction_tolerance = tolerance * std::sqrt(double(gradient.size()));
      if (!(std::abs(got - expected) <= direction_tolerance)) {
        disagreements.push_back(
            fmt::format("{}: derivative {} along a random direction, central difference {}, tolerance {}", name, got,
                        expected, direction_tolerance));
      }
    }
  }
  return disagreements;
}

}  // namespace lockstep
