// Whether a store's database is sound: for `lockstep serve --check`.
// Threads: as database.h.
#pragma once

#include "coordinator/store/database.h"

namespace lockstep {

// SQLite's own check of the pages; every event parses, says of itself what its row says, and is of a kind that is
// known; no revision is missing; and the tables for people are, row by row, what a replay of the log into an empty
// database gives. Writes nothing. Errors: bad_data with the first fault; bad_configuration for an event of a newer
// program; those of database.h.
Status verify_database(Database& database);

}  // namespace lockstep
