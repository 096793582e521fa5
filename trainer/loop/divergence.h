// Why a step's loss or gradients are not finite numbers.
#pragma once

#include <cstdint>
#include <span>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "trainer/comm/communicator.h"
#include "trainer/loop/train_step.h"

namespace lockstep {

// Gathers the rows with pixels that are not finite from all ranks. Returns diverged: names these rows, or, when there
// are none, the learning rate. Collective; every rank returns the same. Ends the loader's plan. Requires:
// bad_rows.size() <= kMostBadRows.
Status explain_divergence(Communicator& communicator, const proto::Job& job, std::int64_t step, std::int64_t epoch,
                          const StepOutcome& outcome, std::span<const std::int64_t> bad_rows, SliceLoader& loader);

}  // namespace lockstep
