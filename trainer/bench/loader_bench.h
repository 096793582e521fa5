// How fast rows come: the loader of the training step alone, without a network behind it.
#pragma once

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "trainer/comm/communicator.h"

namespace lockstep {

struct LoaderTiming {
  double rows_per_second = 0;          // of all ranks together
  double stored_bytes_per_second = 0;  // as the file has them, inflated
};

// Every rank reads its slices of the first epochs, `seconds` long. Collective; the same status on every rank, the
// result counts on rank 0. Errors: those of open_hdf5_dataset; bad_configuration.
StatusOr<LoaderTiming> bench_loader(Communicator& communicator, const proto::Job& job, double seconds);

}  // namespace lockstep
