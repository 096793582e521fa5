// Whether this program knows all that an event says.
// Threads: functions are independent.
#pragma once

#include "proto/event.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// An event of no kind that is known, or with a field or an enumerator that is not, here or in what it holds, was
// written by a newer program: folded as nothing, or as a default, it would give another state than that program's.
// Errors: bad_configuration, which names the message and the number of the field.
Status check_known(const proto::Event& event);

}  // namespace lockstep
