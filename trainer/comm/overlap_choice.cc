#include "trainer/comm/overlap_choice.h"

#include <algorithm>

#include "storage/base/status.h"

namespace lockstep {

bool OverlapChoice::note(double seconds) {
  if (decided_) return false;
  if (steps_ > 0) seconds_[on() ? 1 : 0].push_back(seconds);
  return ++steps_ == kSteps;
}

std::array<double, 2> OverlapChoice::medians() const {
  std::array<double, 2> result{};
  for (std::size_t way = 0; way < result.size(); ++way) {
    std::vector<double> sorted = seconds_[way];
    std::sort(sorted.begin(), sorted.end());
    result[way] = sorted[sorted.size() / 2];
  }
  return result;
}

void OverlapChoice::decide(std::array<double, 2> medians) {
  decided_ = true;
  on_ = medians[1] < medians[0];
  text_ = fmt::format(
      "the sum over hosts begins {} backward: the last slice and the sum took {:.1f} ms so, {:.1f} ms the "
      "other way",
      on_ ? "during" : "after", 1000 * medians[on_ ? 1 : 0], 1000 * medians[on_ ? 0 : 1]);
}

}  // namespace lockstep
