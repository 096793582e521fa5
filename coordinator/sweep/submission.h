// Checking a sweep before it is accepted: all faults at once.
// Threads: functions are independent.
#pragma once

#include "proto/sweep.pb.h"
#include "storage/base/status.h"
#include "storage/base/text_proto.h"

namespace lockstep {

// What the machine that trials run on gives them.
struct Machine {
  int cores = 0;
  std::string root;  // data lies in this directory
};

// Fills in defaults, then adds every fault of the spec: limits, parameters, conditions, parameters that get in each
// other's way (overlap.h), jobs that a trial could not run, its data and threads among them (resolved_jobs.h), rungs,
// cores, paths outside the root.
void complete_and_check(proto::SweepSpec& spec, const Machine& machine, Faults& faults);

}  // namespace lockstep
