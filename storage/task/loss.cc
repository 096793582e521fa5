#include "storage/task/loss.h"

#include <algorithm>

#include "storage/base/status.h"

namespace lockstep {
namespace {

constexpr LossInfo kLosses[] = {
    {proto::Loss::kSoftmaxCrossEntropy, "softmax_cross_entropy", TargetKind::kClass},  // the default
    {proto::Loss::kBinaryCrossEntropy, "binary_cross_entropy", TargetKind::kLabels},
    {proto::Loss::kMeanSquaredError, "mean_squared_error", TargetKind::kNumbers},
    {proto::Loss::kHuber, "huber", TargetKind::kNumbers},
    {proto::Loss::kPixelCrossEntropy, "pixel_cross_entropy", TargetKind::kMask},
};

}  // namespace

const LossInfo& loss_info(const proto::Loss& loss) {
  if (loss.kind_case() == proto::Loss::KIND_NOT_SET) return kLosses[0];
  const auto found = std::ranges::find(kLosses, loss.kind_case(), &LossInfo::kind);
  CHECK(found != std::end(kLosses), "loss kind {} is in no table", static_cast<int>(loss.kind_case()));
  return *found;
}

proto::Loss fitting_loss(TargetKind target) {
  const auto found = std::ranges::find(kLosses, target, &LossInfo::target);
  CHECK(found != std::end(kLosses));
  proto::Loss loss;
  const auto* const field = proto::Loss::descriptor()->FindFieldByNumber(static_cast<int>(found->kind));
  loss.GetReflection()->MutableMessage(&loss, field);
  return loss;
}

}  // namespace lockstep
