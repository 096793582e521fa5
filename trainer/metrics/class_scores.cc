#include "trainer/metrics/class_scores.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace lockstep {
namespace {

// Places in the counts; behind them three of each class.
enum Count : std::size_t { kCounted, kRight, kRightInFive, kClasses };

class ClassScores final : public Scores {
 public:
  explicit ClassScores(const Target& target)
      : names_(target.names), ignored_(target.ignored), counts_(kClasses + 3 * names_.size()) {}

  void add(std::span<const float> outputs, std::span<const float> targets) override {
    const std::size_t classes = names_.size();
    for (std::size_t row = 0; row < targets.size(); ++row) {
      add_row(outputs.subspan(row * classes, classes), static_cast<std::size_t>(targets[row]));
    }
  }

  std::span<std::int64_t> counts() override { return counts_; }
  bool needs_rows() const override { return false; }

  std::vector<MetricValue> values(std::int64_t /*rows*/, std::span<const float> /*outputs*/,
                                  std::span<const float> /*targets*/) override {
    std::vector<MetricValue> each;
    double sum = 0;
    std::int64_t classes = 0;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const std::int64_t whole = rows_of(i) + predictions_of(i);
      const double f1 = whole == 0 ? std::nan("") : static_cast<double>(2 * right_of(i)) / static_cast<double>(whole);
      each.push_back({fmt::format("f1/{}{}", names_[i], is_repeated(i) ? fmt::format(" ({})", i) : ""), f1});
      if (whole == 0) continue;
      sum += f1;
      ++classes;
    }
    const auto share = [&](std::size_t count) {
      return static_cast<double>(counts_[count]) / static_cast<double>(counts_[kCounted]);
    };
    std::vector<MetricValue> all = {{"accuracy", share(kRight)},
                                    {"top5_accuracy", share(kRightInFive)},
                                    {"macro_f1", sum / static_cast<double>(classes)}};
    all.insert(all.end(), each.begin(), each.end());
    return all;
  }

 private:
  // Classes may have the same name; their metrics may not.
  bool is_repeated(std::size_t i) const { return std::ranges::count(names_, names_[i]) > 1; }
  std::int64_t& rows_of(std::size_t i) { return counts_[kClasses + 3 * i]; }
  std::int64_t& predictions_of(std::size_t i) { return counts_[kClasses + 3 * i + 1]; }
  std::int64_t& right_of(std::size_t i) { return counts_[kClasses + 3 * i + 2]; }

  void add_row(std::span<const float> outputs, std::size_t target) {
    if (static_cast<int>(target) == ignored_) return;
    ++counts_[kCounted];
    ++rows_of(target);
    const std::int32_t guess = predicted_class(outputs);
    if (guess < 0) return;
    const auto prediction = static_cast<std::size_t>(guess);
    ++predictions_of(prediction);
    if (prediction == target) {
      ++counts_[kRight];
      ++right_of(target);
    }
    const float mine = outputs[target];
    const auto before = std::ranges::count_if(outputs.first(target), [&](float other) { return other >= mine; });
    const auto after = std::ranges::count_if(outputs.subspan(target), [&](float other) { return other > mine; });
    if (before + after < 5) ++counts_[kRightInFive];
  }

  std::vector<std::string> names_;
  int ignored_;
  std::vector<std::int64_t> counts_;
};

}  // namespace

std::unique_ptr<Scores> make_class_scores(const Target& target) {
  return std::make_unique<ClassScores>(target);
}

}  // namespace lockstep
