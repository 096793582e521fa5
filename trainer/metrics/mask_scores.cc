#include "trainer/metrics/mask_scores.h"

#include <cmath>

namespace lockstep {
namespace {

// Pixels of a class.
enum Count : std::size_t { kLabelled, kPredicted, kBoth, kCounts };

class MaskScores final : public Scores {
 public:
  explicit MaskScores(const Target& target)
      : names_(target.names), pixels_(target.pixels), counts_(kCounts * names_.size()) {}

  void add(std::span<const float> outputs, std::span<const float> targets) override {
    for (std::size_t at = 0; at < targets.size(); ++at) {
      if (targets[at] == kIgnored) continue;
      const auto label = static_cast<std::size_t>(targets[at]);
      ++count(label, kLabelled);
      const std::size_t row = at / pixels_, pixel = at % pixels_;
      const std::size_t guess = prediction(outputs.subspan(row * names_.size() * pixels_ + pixel));
      if (guess == names_.size()) continue;
      ++count(guess, kPredicted);
      if (guess == label) ++count(label, kBoth);
    }
  }

  std::span<std::int64_t> counts() override { return counts_; }
  bool needs_rows() const override { return false; }

  std::vector<MetricValue> values(std::int64_t /*rows*/, std::span<const float> /*outputs*/,
                                  std::span<const float> /*targets*/) override {
    std::vector<MetricValue> each;
    double sum = 0, classes = 0, right = 0, labelled = 0;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const auto both = static_cast<double>(count(i, kBoth));
      const auto either = static_cast<double>(count(i, kLabelled) + count(i, kPredicted)) - both;
      each.push_back({"iou/" + names_[i], either > 0 ? both / either : std::nan("")});
      sum += either > 0 ? both / either : 0;
      classes += either > 0 ? 1 : 0;
      right += both;
      labelled += static_cast<double>(count(i, kLabelled));
    }
    std::vector<MetricValue> all = {{"mean_iou", sum / classes}};
    all.insert(all.end(), each.begin(), each.end());
    all.push_back({"pixel_accuracy", right / labelled});
    return all;
  }

 private:
  std::int64_t& count(std::size_t label, Count which) { return counts_[kCounts * label + which]; }

  // Of the pixel whose outputs begin here; the number of classes when one is not a finite number.
  std::size_t prediction(std::span<const float> outputs) const {
    std::size_t best = 0;
    for (std::size_t k = 0; k < names_.size(); ++k) {
      if (!std::isfinite(outputs[k * pixels_])) return names_.size();
      if (outputs[k * pixels_] > outputs[best * pixels_]) best = k;
    }
    return best;
  }

  std::vector<std::string> names_;
  std::size_t pixels_;
  std::vector<std::int64_t> counts_;
};

}  // namespace

std::unique_ptr<Scores> make_mask_scores(const Target& target) {
  return std::make_unique<MaskScores>(target);
}

}  // namespace lockstep
