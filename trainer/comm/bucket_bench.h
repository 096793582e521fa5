// How long messages between hosts should be here.
#pragma once

#include <cstddef>

#include "trainer/comm/communicator.h"

namespace lockstep {

// Ranks of equal place on neighbouring hosts exchange messages of growing length. The shortest, in floats, that comes
// within a tenth of the best rate; the same on every rank. Takes about half a second at 1 Gbit/s. Collective.
// `ranks_per_host` consecutive ranks share a host.
std::size_t measure_message_elements(Communicator& communicator, int ranks_per_host);

}  // namespace lockstep
