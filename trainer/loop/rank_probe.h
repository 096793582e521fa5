// Have all ranks built the same network? Each computes the gradients of one slice, of rows that are made from a key,
// with its initial parameters; that and what it has built are compared. So processors that are not alike, or libraries,
// are found before the first step: ranks whose arrays lie in other layouts would add what does not belong together.
// Threads: functions are independent.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>

#include "storage/base/status.h"
#include "trainer/comm/communicator.h"
#include "trainer/comm/gradient_reducer.h"
#include "trainer/nn/network/network.h"

namespace lockstep {

// Of one rank; texts that end in NULs.
struct RankProbe {
  std::array<char, 64> host{};
  std::array<char, 64> instruction_set{};
  std::array<char, 64> onednn_version{};
  std::array<char, 33> layouts{};    // hash of kernels and layouts of all passes
  std::array<char, 33> gradients{};  // hash of what lies in the array, bit by bit
};

// By rank. Errors: machine_cannot, with hosts, and what each has, for all that differs.
Status compare_probes(std::span<const RankProbe> probes);

// The hashes as facts for the checkpoint: the same on any number of ranks. Takes the time of one slice; leaves network
// and reducer as they were, but for the array of the reducer's first slice. Requires: no slice was begun. Collective.
// Errors: as compare_probes.
StatusOr<std::map<std::string, std::string>> probe_ranks(Communicator& communicator, Network& network,
                                                         GradientReducer& reducer);

}  // namespace lockstep
