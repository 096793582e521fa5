#include "trainer/optim/gradient_norm.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "storage/base/status.h"

namespace lockstep {
namespace {

double squares_of(std::span<const float> block) {
  // Independent sums let the compiler use whole vectors without changing the order of additions.
  constexpr std::size_t kLanes = 16;
  double sums[kLanes] = {};
  const std::size_t whole = block.size() - block.size() % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double gradient = block[i + lane];
      sums[lane] += gradient * gradient;
    }
  }
  for (std::size_t i = whole; i < block.size(); ++i) sums[i - whole] += double(block[i]) * double(block[i]);
  for (std::size_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::size_t lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  }
  return sums[0];
}

}  // namespace

std::size_t norm_blocks(std::size_t elements) {
  return (elements + kNormBlock - 1) / kNormBlock;
}

bool sum_squares(std::span<const float> gradients, std::size_t begin, std::size_t end, std::span<double> squares) {
  CHECK(begin % kNormBlock == 0 && (end % kNormBlock == 0 || end == gradients.size()), "[{}, {}) of {} gradients",
        begin, end, gradients.size());
  bool finite = true;
  for (; begin < end; begin += kNormBlock) {
    double& sum = squares[begin / kNormBlock];
    sum = squares_of(gradients.subspan(begin, std::min(kNormBlock, end - begin)));
    finite = finite && std::isfinite(sum);
  }
  return finite;
}

double norm_of(std::span<const double> squares) {
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

}  // namespace lockstep
