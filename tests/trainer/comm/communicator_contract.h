// What every Communicator does.
#pragma once

#include "trainer/comm/communicator.h"

namespace lockstep {

// Broadcast, gather, exchange, send and receive, the library's sum, shared memory: lengths from 0 to some that go in
// many pieces, from and to every rank. Collective.
void expect_communicator_contract(Communicator& communicator);

}  // namespace lockstep
