#include "coordinator/search/warp.h"

#include <algorithm>
#include <cmath>

#include <boost/math/special_functions/erf.hpp>

#include "storage/base/status.h"

namespace lockstep {
namespace {

constexpr double kSpread = 1.5;  // how much steeper the logarithm is at the best than at the worst

// Below which a share q of a standard normal distribution lies. Requires: 0 < q < 1.
double quantile(double q) {
  return -std::sqrt(2.0) * boost::math::erfc_inv(2 * q);
}

// Root of the mean square of what the first `count` values are away from `from`.
double deviation(const std::vector<double>& values, std::size_t count, double from) {
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double scaled = (values[i] - from) / static_cast<double>(count);
    squares += scaled * scaled * static_cast<double>(count);
  }
  return std::sqrt(squares);
}

}  // namespace

Warp::Warp(const std::vector<double>& rising, int failed) : values_(rising), warped_(rising) {
  CHECK(!rising.empty(), "no values");
  rank_worse_half(failed);
  spread_best();
  standardize(failed);
}

void Warp::rank_worse_half(int failed) {
  const std::size_t count = values_.size();
  const double median = values_[(count - 1) / 2];
  const auto worse =
      static_cast<std::size_t>(std::upper_bound(values_.begin(), values_.end(), median) - values_.begin());
  double scale = deviation(values_, worse, median);
  if (!(scale > 0)) scale = std::abs(values_[std::min(worse, count - 1)] - median);  // the better half is all equal
  if (!(scale > 0) || !std::isfinite(scale)) scale = 1;
  const double ranked = static_cast<double>(count - worse) + failed + 0.5;  // half of the median's own place
  // Of equal values the middle of their places, counted from the worst.
  for (std::size_t first = worse; first < count;) {
    std::size_t end = first + 1;
    while (end < count && values_[end] == values_[first]) ++end;
    const double place = failed + static_cast<double>(count - end) + static_cast<double>(end - first) / 2;
    const double warped = median - scale * quantile(0.5 * place / ranked);
    std::fill(warped_.begin() + static_cast<std::ptrdiff_t>(first), warped_.begin() + static_cast<std::ptrdiff_t>(end),
              warped);
    first = end;
  }
  failed_ = failed == 0 ? warped_.back() : median - scale * quantile(0.5 * (failed / 2.0) / ranked);
}

void Warp::spread_best() {
  const double best = warped_.front();
  const double range = std::max(failed_, warped_.back()) - best;
  if (!(range > 0) || !std::isfinite(range)) return;
  const auto spread = [&](double& value) {
    value = std::log1p((value - best) / range * (kSpread - 1)) / std::log(kSpread);
  };
  std::for_each(warped_.begin(), warped_.end(), spread);
  spread(failed_);
}

void Warp::standardize(int failed) {
  const double count = static_cast<double>(warped_.size()) + failed;
  double mean = failed * (failed_ / count);
  for (const double value : warped_) mean += value / count;
  double squares = failed * ((failed_ - mean) * (failed_ - mean) / count);
  for (const double value : warped_) squares += (value - mean) * (value - mean) / count;
  const double scale = squares > 0 && std::isfinite(squares) ? std::sqrt(squares) : 1;
  for (double& value : warped_) value = (value - mean) / scale;
  failed_ = (failed_ - mean) / scale;
}

double Warp::back(double warped) const {
  const auto above = std::upper_bound(warped_.begin(), warped_.end(), warped);
  if (above == warped_.end()) return values_.back();
  if (above == warped_.begin() && warped_.size() == 1) return values_.front();
  // Below the best on the line through the two best that differ.
  const auto high =
      above == warped_.begin() ? std::upper_bound(warped_.begin(), warped_.end(), warped_.front()) : above;
  if (high == warped_.end()) return values_.front();
  const auto at = static_cast<std::size_t>(high - warped_.begin());
  const double share = (warped - warped_[at - 1]) / (warped_[at] - warped_[at - 1]);
  return std::lerp(values_[at - 1], values_[at], share);
}

}  // namespace lockstep
