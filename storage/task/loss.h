// The losses of jobs, by the targets that they are of: one table, as that of the metrics.
#pragma once

#include <string_view>

#include "proto/loss.pb.h"
#include "storage/task/target.h"

namespace lockstep {

struct LossInfo {
  proto::Loss::KindCase kind = proto::Loss::KIND_NOT_SET;
  std::string_view name;  // in a job
  TargetKind target = TargetKind::kClass;
};

// Of the alternative that is chosen; of none: the default.
const LossInfo& loss_info(const proto::Loss& loss);

// The first one of a kind of target, with its defaults.
proto::Loss fitting_loss(TargetKind target);

}  // namespace lockstep
