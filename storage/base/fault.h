// Named points where a test lets the world fail: the environment variable LOCKSTEP_FAULT="NAME:VISIT:ACTION[,...]"
// makes visit number VISIT (from 1; 0: every visit) of point NAME do ACTION:
//   kill   this process ends at once, as by kill -9
//   fail   the point returns io_error, as for a full disk
//   sleep  the point takes an hour (a hang); throw: it throws std::bad_alloc, as where memory is short
// An optional suffix "@RANK" after the action limits it to one rank (see set_rank_for_messages). Points cost one
// comparison when the variable is not set, and are put where the world is touched, never in a loop over pixels.
// Threads: any.
#pragma once

#include <string_view>

#include "storage/base/status.h"

namespace lockstep {

// Counts a visit of the point and does what LOCKSTEP_FAULT says of it. The variable is read once, at the first visit
// of any point. Errors: io_error for "fail"; bad_configuration, at every visit, when the variable makes no sense.
Status fault_point(std::string_view name);

}  // namespace lockstep
