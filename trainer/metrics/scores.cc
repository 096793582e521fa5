#include "trainer/metrics/scores.h"

#include <algorithm>
#include <cmath>

#include "trainer/metrics/class_scores.h"
#include "trainer/metrics/label_scores.h"
#include "trainer/metrics/mask_scores.h"
#include "trainer/metrics/number_scores.h"

namespace lockstep {

std::unique_ptr<Scores> Scores::make(const Target& target) {
  switch (target.kind) {
    case TargetKind::kClass:
      return make_class_scores(target);
    case TargetKind::kLabels:
      return make_label_scores(target.names);
    case TargetKind::kNumbers:
      return make_number_scores(target);
    case TargetKind::kMask:
      return make_mask_scores(target);
  }
  return nullptr;
}

std::int32_t predicted_class(std::span<const float> outputs) {
  if (!std::ranges::all_of(outputs, [](float x) { return std::isfinite(x); })) return -1;
  return static_cast<std::int32_t>(std::ranges::max_element(outputs) - outputs.begin());
}

}  // namespace lockstep
