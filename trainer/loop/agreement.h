// All ranks go on, or all stop with the same words.
#pragma once

#include <string>

#include "storage/base/status.h"
#include "trainer/comm/communicator.h"

namespace lockstep {

// OK when every rank's status is; otherwise, on every rank, that of the first rank that failed, with its rank named
// unless all ranks failed with the same code. Collective.
Status agree(Communicator& communicator, const Status& mine);

// A text of rank 0 to all. Collective.
void share_text(Communicator& communicator, std::string& text);

// Rank 0's status on every rank, of what rank 0 does for all. Collective.
Status from_rank_0(Communicator& communicator, const Status& mine);

}  // namespace lockstep
