#include "tests/coordinator/search/test_functions.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lockstep {
namespace {

template <typename Message>
Message message_of(std::string_view text) {
  Message message;
  Faults faults;
  parse_text_proto(text, message, faults);
  CHECK(faults.empty(), "{}", faults.status("text").ToString());
  return message;
}

double branin_at(std::span<const double> x) {
  constexpr double kPi = std::numbers::pi;
  const double valley = x[1] - 5.1 / (4 * kPi * kPi) * x[0] * x[0] + 5 / kPi * x[0] - 6;
  return valley * valley + 10 * (1 - 1 / (8 * kPi)) * std::cos(x[0]) + 10;
}

double hartmann6_at(std::span<const double> x) {
  constexpr double kWeight[4] = {1, 1.2, 3, 3.2};
  constexpr double kSteepness[4][6] = {
      {10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kCentre[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                    {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                    {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                    {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double exponent = 0;
    for (int d = 0; d < 6; ++d) exponent += kSteepness[i][d] * (x[d] - kCentre[i][d]) * (x[d] - kCentre[i][d]);
    sum -= kWeight[i] * std::exp(-exponent);
  }
  return sum;
}

double training_at(std::span<const double> x) {
  constexpr double kBestRate[3] = {-1, -1.3, -2.5};  // of each optimizer
  constexpr double kOptimizer[3] = {0, 0.01, 0.03};
  const auto optimizer = static_cast<std::size_t>(x[5]);
  const double rate = std::log10(x[0]) - kBestRate[optimizer];
  const double damping = std::log10(1 - x[1]) + 1;
  return 0.04 + kOptimizer[optimizer] + 0.03 * rate * rate + 0.01 * std::abs(rate) + 0.03 * damping * damping +
         0.02 * rate * damping + 0.008 * std::abs(std::log10(x[2]) + 4) + 0.01 * std::abs(std::log2(x[3]) - 7) +
         0.005 * std::abs(x[4] - 5);
}

double exploding_training_at(std::span<const double> x) {
  return x[0] > 0.3 ? 1e5 : training_at(x);
}

TestFunction training_function(const char* name, double (*value)(std::span<const double>)) {
  return {name, SearchSpace(parameters_of(R"(
            parameter { name: 'rate' path: 'p' float { min: 1e-4 max: 1 log: true } }
            parameter { name: 'momentum' path: 'p' float { min: 0 max: 0.99 } }
            parameter { name: 'decay' path: 'p' float { min: 1e-6 max: 1e-2 log: true } }
            parameter { name: 'width' path: 'p' int { min: 16 max: 256 log: true } }
            parameter { name: 'depth' path: 'p' discrete { value: 1 value: 2 value: 3 value: 5 value: 8 } }
            parameter { name: 'optimizer'
                        categorical { choice { name: 'a' } choice { name: 'b' } choice { name: 'c' } } })")),
          value};
}

}  // namespace

proto::Search search_of(std::string_view text) {
  return message_of<proto::Search>(text);
}

Parameters parameters_of(std::string_view text) {
  return message_of<proto::SweepSpec>(text).parameter();
}

TestFunction branin() {
  return {"branin",
          SearchSpace(parameters_of("parameter { name: 'x' path: 'x' float { min: -5 max: 10 } }"
                                    "parameter { name: 'y' path: 'y' float { min: 0 max: 15 } }")),
          branin_at};
}

TestFunction hartmann6() {
  std::string text;
  for (int d = 0; d < 6; ++d)
    text += fmt::format("parameter {{ name: 'x{0}' path: 'x{0}' float {{ min: 0 max: 1 }} }} ", d);
  return {"hartmann6", SearchSpace(parameters_of(text)), hartmann6_at};
}

TestFunction training() {
  return training_function("training", training_at);
}

TestFunction exploding_training() {
  return training_function("exploding", exploding_training_at);
}

double best_of(const proto::Search& search, const TestFunction& function, std::uint64_t seed, int trials) {
  std::vector<Observation> observations;
  double best = std::numeric_limits<double>::infinity();
  for (int trial = 0; trial < trials; ++trial) {
    Observation observation{trial, suggest(search, function.space, observations, seed, trial).assignments,
                            Observation::State::kDone, 0};
    std::vector<double> numbers;
    for (const proto::Assignment& assignment : observation.assignments) {
      const auto& choices = function.space.parameter(static_cast<int>(numbers.size())).categorical().choice();
      const auto at = std::find_if(choices.begin(), choices.end(),
                                   [&](const proto::Choice& it) { return it.name() == assignment.choice(); });
      numbers.push_back(assignment.has_choice() ? static_cast<double>(at - choices.begin()) : assignment.number());
    }
    observation.value = function.value(numbers);
    best = std::min(best, observation.value);
    observations.push_back(std::move(observation));
  }
  return best;
}

}  // namespace lockstep
