// The plan of a job: which algorithm computes each pass of each convolution, where the model leaves that open. By shape
// it follows from the model (trainer/nn); measured, rank 0 decides for all, once: a job that is run again takes over
// what its output directory says.
#pragma once

#include <filesystem>

#include "proto/job.pb.h"
#include "storage/base/text_proto.h"
#include "trainer/comm/communicator.h"
#include "trainer/nn/network.h"

namespace lockstep {

// Takes over the algorithms of `stored` for passes that `model` leaves open. Layers that are not the same in both are
// left as they are.
void adopt_plan(const proto::Model& stored, proto::Model& model);

// Requires: job.execution().plan() == MEASURED and a resolved model. Rank 0 looks at `stored_job`, a resolved job (or
// no file), measures what is still open, and sends the model to all. Where it does not build, the model is left as it
// is: the faults will show. Collective.
void measure_plan(Communicator& communicator, const std::filesystem::path& stored_job, NetworkOptions options,
                  proto::Job& job);

}  // namespace lockstep
