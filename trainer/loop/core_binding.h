// Which cores the ranks may run on, and whether there are enough of them.
#pragma once

#include <string>
#include <vector>

#include "trainer/comm/communicator.h"

namespace lockstep {

// "0-3,8": ascending numbers as ranges.
std::string core_list(const std::vector<int>& cores);

struct CoreBinding {
  std::string text;             // "rank 0: core 0, rank 1: core 1", or "ranks 0 to 3: cores 0-1" when all have the same
  bool oversubscribed = false;  // more threads than cores on some host, as far as shared memory shows it
};

// Collective; the same on every rank.
CoreBinding core_binding(Communicator& communicator, int threads_per_rank);

}  // namespace lockstep
