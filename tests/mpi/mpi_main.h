// The main of a GoogleTest program whose tests run on several ranks at once (lockstep_test(... RANKS 1 2 4) with
// tests/mpi/mpi_main.cc among its sources). Every rank runs every test, and every test is collective.
//
// Rank 0 prints as usual, the others only their failures. A rank whose test failed ends the whole job, since the others
// may wait for it for ever.
#pragma once

#include "trainer/comm/communicator.h"

namespace lockstep {

// All ranks of mpirun. Messages are cut into pieces of 4,096 bytes, so that every test sees long ones cut.
Communicator& world();

}  // namespace lockstep
