// The tables for people, and for the fence, as a fold over the events.
// Threads: as database.h.
#pragma once

#include "coordinator/store/database.h"
#include "proto/event.pb.h"

namespace lockstep {

// Writes into the tables what the event says. Requires: a transaction of the caller's. An event about something that
// the tables do not have changes nothing. Errors: as database.h.
Status materialise(const proto::Event& event, Database& database);

}  // namespace lockstep
