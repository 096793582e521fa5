// Which cores the ranks may run on, and whether there are enough of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "trainer/comm/communicator.h"

namespace lockstep {

// "0-3,8": ascending numbers as ranges.
std::string core_list(const std::vector<int>& cores);

struct CoreBinding {
  std::string text;  // "rank 0: core 0, rank 1: core 1", or "ranks 0 to 3: cores 0-1" when all have the same
  // Of the host with the most threads a core, as far as shared memory shows it.
  std::size_t threads = 0;
  std::size_t cores = 1;
  bool oversubscribed() const { return threads > cores; }
};

// Collective; the same on every rank.
CoreBinding core_binding(Communicator& communicator, int threads_per_rank);

// More threads than cores are slow, and may be meant: to repeat the bits of a larger machine, or to try. With more than
// this many a core each step is a long wait of all for all. Collective; the same on every rank. Errors: machine_cannot.
inline constexpr std::size_t kMostThreadsPerCore = 16;
Status check_threads(Communicator& communicator, int threads_per_rank);

}  // namespace lockstep
