// What an epoch of a sweep's base job takes on this machine.
#pragma once

#include "proto/sweep.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// Seconds of a training epoch and its evaluation, from some steps of `lockstep bench` on as many ranks as a trial has,
// and the rows of the job's data. Both are asked of the programs beside this one, so it takes some seconds, and has the
// cores that the machine leaves it. Requires: the coordinator has accepted the spec. Errors: io_error, which says what
// could not be measured.
StatusOr<double> measure_epoch_seconds(const proto::SweepSpec& spec);

}  // namespace lockstep
