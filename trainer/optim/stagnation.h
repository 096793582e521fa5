// Whether a metric still improves: folds over its values, one an evaluation, oldest first. A value that is not a number
// is no improvement. Threads: functions are independent.
#pragma once

#include <span>

namespace lockstep {

namespace proto {
class Plateau;  // proto/optimizer.pb.h
}

struct Improvement {
  bool higher_is_better = true;
  double min_delta = 0;  // by more than this
};

// How many evaluations there were since the last improvement.
int evaluations_without_improvement(std::span<const double> values, const Improvement& improvement);

// What the learning rate has been multiplied by: the factor as often as more than `patience` evaluations in a row
// brought no improvement, counted anew each time.
double plateau_scale(const proto::Plateau& plateau, std::span<const double> values, bool higher_is_better);

}  // namespace lockstep
