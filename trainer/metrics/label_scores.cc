#include "trainer/metrics/label_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "trainer/metrics/average_precision.h"

namespace lockstep {
namespace {

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float x) { return std::isfinite(x); });
}

class LabelScores final : public Scores {
 public:
  explicit LabelScores(std::vector<std::string> names) : names_(std::move(names)) {}

  void add(std::span<const float> outputs, std::span<const float> targets) override {
    for (std::size_t begin = 0; begin < outputs.size(); begin += names_.size()) {
      if (!all_finite(outputs.subspan(begin, names_.size()))) continue;
      for (std::size_t i = begin; i < begin + names_.size(); ++i) {
        if ((outputs[i] > 0) == (targets[i] != 0)) ++right_;
      }
    }
  }

  std::span<std::int64_t> counts() override { return {&right_, 1}; }
  bool needs_rows() const override { return true; }

  std::vector<MetricValue> values(std::int64_t rows, std::span<const float> outputs,
                                  std::span<const float> targets) override {
    const std::size_t labels = names_.size();
    const auto count = static_cast<std::size_t>(rows);
    std::vector<bool> finite(count);
    for (std::size_t row = 0; row < count; ++row) finite[row] = all_finite(outputs.subspan(row * labels, labels));
    std::vector<ScoredRow> scored(count);
    std::vector<MetricValue> each;
    double sum = 0;
    std::int64_t with_rows = 0;
    for (std::size_t label = 0; label < labels; ++label) {
      for (std::size_t row = 0; row < count; ++row) {
        const float score = finite[row] ? outputs[row * labels + label] : -std::numeric_limits<float>::infinity();
        scored[row] = {score, targets[row * labels + label] != 0};
      }
      const double value = average_precision(scored);
      each.push_back({"average_precision/" + names_[label], value});
      if (std::isnan(value)) continue;
      sum += value;
      ++with_rows;
    }
    std::vector<MetricValue> all = {{"mean_average_precision", sum / static_cast<double>(with_rows)}};
    all.insert(all.end(), each.begin(), each.end());
    all.push_back({"label_accuracy", static_cast<double>(right_) / static_cast<double>(count * labels)});
    return all;
  }

 private:
  std::vector<std::string> names_;
  std::int64_t right_ = 0;
};

}  // namespace

std::unique_ptr<Scores> make_label_scores(std::vector<std::string> names) {
  return std::make_unique<LabelScores>(std::move(names));
}

}  // namespace lockstep
