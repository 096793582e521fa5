#include "trainer/nn/losses/pixel_loss.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace lockstep {
namespace {

constexpr double kDiceSmoothing = 1;

// Over the counted pixels of a row.
struct ClassSums {
  double both = 0;         // of p t
  double probability = 0;  // of p
  double target = 0;       // of t
  double whole() const { return probability + target + kDiceSmoothing; }
  double dice() const { return (2 * both + kDiceSmoothing) / whole(); }
};

// Of ClassSums::dice() by p at a pixel, by the t there.
struct Slopes {
  std::array<double, 2> at = {};
};

// By class; kept, so that a step allocates nothing.
struct Scratch {
  std::vector<ClassSums> sums;
  std::vector<Slopes> slopes;
  std::vector<double> probability;  // of the pixel looked at
};

class PixelRow {
 public:
  PixelRow(const LossOptions& options, const float* x, const float* target, Scratch& scratch)
      : options_(options),
        x_(x),
        target_(target),
        classes_(static_cast<std::size_t>(options.outputs)),
        pixels_(static_cast<std::size_t>(options.pixels)),
        sums_(scratch.sums),
        slopes_(scratch.slopes),
        probability_(scratch.probability) {
    sums_.assign(classes_, {});
    slopes_.resize(classes_);
    probability_.resize(classes_);
  }

  RowResult run(float scale, float* gradient) {
    std::size_t counted = 0, right = 0;
    double loss = 0;
    for (std::size_t pixel = 0; pixel < pixels_; ++pixel) {
      if (target_[pixel] == kIgnored) continue;
      const auto label = static_cast<std::size_t>(target_[pixel]);
      loss += look_at(pixel, label);
      for (std::size_t k = 0; gradient != nullptr && k < classes_; ++k) {
        gradient[k * pixels_ + pixel] = static_cast<float>(probability_[k]);
      }
      if (is_largest(pixel, label)) ++right;
      ++counted;
    }
    if (gradient != nullptr) put_gradient(counted, static_cast<double>(scale), gradient);
    if (counted == 0) return {.counts = false};
    double dice = 0;
    for (const ClassSums& it : sums_) dice += it.dice();
    const double weight = static_cast<double>(options_.dice_weight);
    const double row = loss / static_cast<double>(counted) + weight * (1 - dice / static_cast<double>(classes_));
    return {static_cast<float>(row), static_cast<float>(static_cast<double>(right) / static_cast<double>(counted))};
  }

 private:
  double at(std::size_t pixel, std::size_t label) const { return static_cast<double>(x_[label * pixels_ + pixel]); }

  // Ties count for the first.
  bool is_largest(std::size_t pixel, std::size_t label) const {
    for (std::size_t k = 0; k < classes_; ++k) {
      if (at(pixel, k) > at(pixel, label) || (k < label && at(pixel, k) == at(pixel, label))) return false;
    }
    return true;
  }

  // Relative to the largest output, so that no exponential overflows. Gives the cross entropy.
  double find_probabilities(std::size_t pixel, std::size_t label) {
    double largest = at(pixel, 0), sum = 0;
    for (std::size_t k = 1; k < classes_; ++k) largest = std::max(largest, at(pixel, k));
    for (std::size_t k = 0; k < classes_; ++k) {
      probability_[k] = std::exp(at(pixel, k) - largest);
      sum += probability_[k];
    }
    for (double& each : probability_) each /= sum;
    return std::log(sum) - (at(pixel, label) - largest);
  }

  double look_at(std::size_t pixel, std::size_t label) {
    const double loss = find_probabilities(pixel, label);
    for (std::size_t k = 0; k < classes_; ++k) sums_[k].probability += probability_[k];
    sums_[label].both += probability_[label];
    sums_[label].target += 1;
    return loss;
  }

  // Where the probabilities stand.
  void put_gradient(std::size_t counted, double scale, float* gradient) const {
    for (std::size_t k = 0; k < classes_; ++k) {
      const ClassSums& it = sums_[k];
      slopes_[k].at = {-it.dice() / it.whole(), (2 - it.dice()) / it.whole()};
    }
    const double dice_scale = scale * static_cast<double>(options_.dice_weight) / static_cast<double>(classes_);
    const double entropy_scale = scale / static_cast<double>(counted);
    for (std::size_t pixel = 0; pixel < pixels_; ++pixel) {
      const bool counts = target_[pixel] != kIgnored;
      const std::size_t label = counts ? static_cast<std::size_t>(target_[pixel]) : 0;
      const auto probability = [&](std::size_t k) { return static_cast<double>(gradient[k * pixels_ + pixel]); };
      double mean_slope = 0;  // under the probabilities
      for (std::size_t k = 0; counts && k < classes_; ++k) {
        mean_slope += probability(k) * slopes_[k].at[k == label ? 1 : 0];
      }
      for (std::size_t k = 0; k < classes_; ++k) {
        const std::size_t t = k == label ? 1 : 0;
        const double entropy = entropy_scale * (probability(k) - static_cast<double>(t));
        const double dice = dice_scale * probability(k) * (slopes_[k].at[t] - mean_slope);
        gradient[k * pixels_ + pixel] = counts ? static_cast<float>(entropy - dice) : 0;
      }
    }
  }

  const LossOptions& options_;
  const float* x_;
  const float* target_;
  std::size_t classes_;
  std::size_t pixels_;
  std::vector<ClassSums>& sums_;
  std::vector<Slopes>& slopes_;
  std::vector<double>& probability_;
};

}  // namespace

RowResult pixel_row(const LossOptions& options, const float* x, const float* target, float scale, float* gradient) {
  thread_local Scratch scratch;
  return PixelRow(options, x, target, scratch).run(scale, gradient);
}

}  // namespace lockstep
