#include "trainer/optim/stagnation.h"

#include <cmath>

#include "proto/optimizer.pb.h"

namespace lockstep {
namespace {

class Watch {
 public:
  explicit Watch(const Improvement& improvement) : improvement_(improvement) {}

  bool improves(double value) {
    if (std::isnan(value)) return false;
    const double gain = improvement_.higher_is_better ? value - best_ : best_ - value;
    const bool better = std::isnan(best_) || gain > improvement_.min_delta;
    if (better) best_ = value;
    return better;
  }

 private:
  Improvement improvement_;
  double best_ = std::nan("");
};

}  // namespace

int evaluations_without_improvement(std::span<const double> values, const Improvement& improvement) {
  Watch watch(improvement);
  int count = 0;
  for (const double value : values) count = watch.improves(value) ? 0 : count + 1;
  return count;
}

double plateau_scale(const proto::Plateau& plateau, std::span<const double> values, bool higher_is_better) {
  Watch watch({.higher_is_better = higher_is_better, .min_delta = plateau.min_delta()});
  double scale = 1;
  int count = 0;
  for (const double value : values) {
    count = watch.improves(value) ? 0 : count + 1;
    if (count <= plateau.patience()) continue;
    scale *= static_cast<double>(plateau.factor());
    count = 0;
  }
  return scale;
}

}  // namespace lockstep
