// How long the sum of one array over all ranks takes, by each way there is.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "trainer/comm/communicator.h"

namespace lockstep {

// Medians over repetitions, of rank 0. Ways that this placement does not have are left out: shared memory where ranks
// are alone on their hosts.
struct ReductionTiming {
  std::string way;  // "shared memory", "halving and doubling", "the same in bf16", "MPI_Allreduce"
  std::size_t bytes = 0;
  double seconds = 0;
};

// Sizes 4 B, 64 B, ... up to `most_bytes`, and 44.7 MB, the gradients of a ResNet-18. Collective.
std::vector<ReductionTiming> bench_reduction(Communicator& communicator, std::size_t most_bytes);

}  // namespace lockstep
