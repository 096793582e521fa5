// What a checkpoint records about the run that made it.
#pragma once

#include "proto/job.pb.h"
#include "storage/dataset/dataset.h"
#include "trainer/comm/communicator.h"
#include "trainer/loop/training_state.h"

namespace lockstep {

RunFacts run_facts(const proto::Job& job, const DatasetInfo& train, const Communicator& communicator);

}  // namespace lockstep
