// What a checkpoint records about the run that made it.
#pragma once

#include "proto/job.pb.h"
#include "storage/dataset/dataset.h"
#include "trainer/comm/communicator.h"
#include "trainer/loop/training_state.h"

namespace lockstep {

RunFacts run_facts(const proto::Job& job, const DatasetInfo& train, const Communicator& communicator);

// In the log, when what decides how sums are rounded is not what it was when the checkpoint was made.
void warn_of_other_facts(const Checkpoint& checkpoint, const RunFacts& now);

}  // namespace lockstep
