// The plan of a job: which algorithm computes each pass of each convolution, where the model leaves that open. By shape
// it follows from the model (trainer/nn); measured, rank 0 decides for all, once. A run that goes on takes over what it
// began with, however this version would choose.
#pragma once

#include <filesystem>
#include <optional>

#include "proto/job.pb.h"
#include "storage/base/text_proto.h"
#include "trainer/comm/communicator.h"
#include "trainer/nn/network/network.h"

namespace lockstep {

// Takes over the algorithms of `stored` for passes that `model` leaves open. Layers that are not the same in both are
// left as they are.
void adopt_plan(const proto::Model& stored, proto::Model& model);

// The resolved job that a run began with, where `run`, its output directory, has a checkpoint. None without one, or
// when it cannot be read: then the comparison with the checkpoint will show what differs.
std::optional<proto::Job> stored_job(const std::filesystem::path& run);

// For a run that goes on: takes over what its stored job chose, algorithms that this one leaves open and
// execution.wire_rounding. Rank 0 has the stored job, and sends the result to all. Collective.
void adopt_stored_choices(Communicator& communicator, const std::optional<proto::Job>& stored, proto::Job& job);

// Likewise data.validation, before rows are opened, where the job does not give it. A run that begins chooses by
// "validation". Collective.
void adopt_stored_splits(Communicator& communicator, const std::optional<proto::Job>& stored, proto::Job& job);

// Requires: job.execution().plan() == MEASURED and a resolved model. Rank 0 looks at `stored_job`, a resolved job (or
// no file), measures what is still open, and sends the model to all. Where it does not build, the model is left as it
// is: the faults will show. Collective.
void measure_plan(Communicator& communicator, const std::filesystem::path& stored_job, NetworkOptions options,
                  proto::Job& job);

}  // namespace lockstep
