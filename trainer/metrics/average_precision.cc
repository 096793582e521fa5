#include "trainer/metrics/average_precision.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

namespace lockstep {

double average_precision(std::span<ScoredRow> rows) {
  const auto positives = std::ranges::count(rows, true, &ScoredRow::is_positive);
  if (positives == 0) return std::nan("");
  std::ranges::sort(rows, std::greater<>(), &ScoredRow::score);
  double sum = 0;
  std::int64_t found = 0;
  for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    const std::int64_t before = found;
    for (end = begin; end < rows.size() && rows[end].score == rows[begin].score; ++end) found += rows[end].is_positive;
    sum += static_cast<double>(found - before) * (static_cast<double>(found) / static_cast<double>(end));
  }
  return sum / static_cast<double>(positives);
}

}  // namespace lockstep
