// The tables of the store, and how older ones become today's. The version of a database is the number of migrations
// that made it (PRAGMA user_version); its kind is in PRAGMA application_id. It is the version of the log too: what is
// new in proto/event.proto is a migration here, which may do nothing else, so that an older program refuses the file.
// Threads: as database.h.
#pragma once

#include <span>

#include "coordinator/store/database.h"

namespace lockstep {

// "LOCK".
inline constexpr int kApplicationId = 0x4C4F434B;

// Scripts that lead from each version to the next. Only added to.
std::span<const char* const> migrations();

// Version of the database; 0: it is empty. Changes nothing. Errors: bad_configuration when it is of another program, or
// of a newer version than `known`.
StatusOr<int> schema_version(Database& database, int known);

// Runs the scripts from `version` on, each in a transaction with its number.
Status migrate(Database& database, int version, std::span<const char* const> scripts);

}  // namespace lockstep
