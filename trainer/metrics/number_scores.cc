#include "trainer/metrics/number_scores.h"

#include <cmath>

namespace lockstep {
namespace {

class NumberScores final : public Scores {
 public:
  explicit NumberScores(const Target& target) : target_(target) {}

  void add(std::span<const float> /*outputs*/, std::span<const float> /*targets*/) override {}
  std::span<std::int64_t> counts() override { return {}; }
  bool needs_rows() const override { return true; }

  std::vector<MetricValue> values(std::int64_t rows, std::span<const float> outputs,
                                  std::span<const float> targets) override {
    std::vector<MetricValue> r2, errors;
    double r2_sum = 0, r2_count = 0, error_sum = 0;
    for (std::size_t i = 0; i < target_.names.size(); ++i) {
      const Sums sums = sums_of(i, outputs, targets);
      const double scale = static_cast<double>(target_.deviation[i]);
      const bool varies = sums.distances > 0;
      r2.push_back({"r2/" + target_.names[i], varies ? 1 - sums.squares / sums.distances : std::nan("")});
      errors.push_back({"absolute_error/" + target_.names[i], scale * sums.absolute / static_cast<double>(rows)});
      error_sum += errors.back().value;
      if (!varies) continue;
      r2_sum += r2.back().value;
      ++r2_count;
    }
    std::vector<MetricValue> all = {{"mean_r2", r2_sum / r2_count}};
    all.insert(all.end(), r2.begin(), r2.end());
    all.push_back({"mean_absolute_error", error_sum / static_cast<double>(errors.size())});
    all.insert(all.end(), errors.begin(), errors.end());
    return all;
  }

 private:
  struct Sums {
    double squares = 0, absolute = 0;  // of errors
    double distances = 0;              // squared, from the mean
  };

  // Standardised.
  Sums sums_of(std::size_t number, std::span<const float> outputs, std::span<const float> targets) const {
    double mean = 0, rows = 0;
    const std::size_t numbers = target_.names.size();
    for (std::size_t at = number; at < targets.size(); at += numbers) {
      mean += static_cast<double>(targets[at]);
      ++rows;
    }
    mean /= rows;
    Sums sums;
    for (std::size_t at = number; at < targets.size(); at += numbers) {
      const double truth = static_cast<double>(targets[at]);
      const double error = static_cast<double>(outputs[at]) - truth;
      sums.squares += error * error;
      sums.absolute += std::abs(error);
      sums.distances += (truth - mean) * (truth - mean);
    }
    return sums;
  }

  Target target_;
};

}  // namespace

std::unique_ptr<Scores> make_number_scores(const Target& target) {
  return std::make_unique<NumberScores>(target);
}

}  // namespace lockstep
