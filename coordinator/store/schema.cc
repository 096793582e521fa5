#include "coordinator/store/schema.h"

#include <array>

namespace lockstep {
namespace {

// NOT NULL is left out where null means NaN or "not given".
constexpr const char* kVersion1 = R"sql(
CREATE TABLE events (
  revision INTEGER PRIMARY KEY,
  time_ms INTEGER NOT NULL,
  sweep TEXT NOT NULL,
  kind TEXT NOT NULL,       -- name of the field in lockstep.proto.Event
  event BLOB NOT NULL       -- lockstep.proto.Event
) STRICT;
CREATE TABLE points (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  step INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  loss REAL,
  accuracy REAL,
  learning_rate REAL,
  images_per_second REAL,
  PRIMARY KEY (sweep, trial, step, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE requests (
  id TEXT PRIMARY KEY NOT NULL,
  hash BLOB NOT NULL,
  response BLOB NOT NULL
) STRICT;

-- From here on: what the events say, for people and for the fence. materialise.cc fills these.
CREATE TABLE sweeps (
  sweep TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  submitted_ms INTEGER NOT NULL,
  deleted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE trials (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  bracket INTEGER NOT NULL,
  parameters TEXT NOT NULL, -- JSON
  PRIMARY KEY (sweep, trial)
) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  token TEXT NOT NULL,
  last_seq INTEGER NOT NULL, -- not in the events: of the last report
  ended INTEGER NOT NULL,    -- 1: reports are refused
  cores TEXT NOT NULL,
  until_epoch INTEGER,
  planned_ms INTEGER NOT NULL,
  attached_ms INTEGER,
  ended_ms INTEGER,
  outcome TEXT,
  exit_code INTEGER,
  message TEXT,
  PRIMARY KEY (sweep, trial, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE evaluations (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  step INTEGER NOT NULL,
  loss REAL,
  accuracy REAL,
  PRIMARY KEY (sweep, trial, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  step INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  parent_step INTEGER,
  path TEXT NOT NULL,
  pinned INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  PRIMARY KEY (sweep, trial, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE decisions (
  revision INTEGER PRIMARY KEY,
  time_ms INTEGER NOT NULL,
  sweep TEXT NOT NULL,
  trial INTEGER,
  what TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
)sql";

// AttemptEnded.seconds and .fault, AttemptFault, TrialChanged.new_budget.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE attempts ADD COLUMN seconds REAL; -- how long it ran; null where the log does not say
)sql";

// Evaluated.metric; Objective.metric_name, and what the jobs of sweeps have learned to say.
constexpr const char* kVersion3 = R"sql(
CREATE TABLE metrics (       -- of an evaluation, but loss and accuracy
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL,
  PRIMARY KEY (sweep, trial, epoch, name)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array<const char*, 3> kMigrations = {kVersion1, kVersion2, kVersion3};

StatusOr<std::int64_t> number(Database& database, std::string_view sql) {
  std::int64_t value = 0;
  RETURN_IF_ERROR(database.query(sql, {}, [&](const Row& row) {
    value = row.integer(0);
    return OkStatus();
  }));
  return value;
}

}  // namespace

std::span<const char* const> migrations() {
  return kMigrations;
}

StatusOr<int> schema_version(Database& database, int known) {
  ASSIGN_OR_RETURN(const std::int64_t tables, number(database, "SELECT count(*) FROM sqlite_schema"));
  ASSIGN_OR_RETURN(const std::int64_t application, number(database, "PRAGMA application_id"));
  ASSIGN_OR_RETURN(const std::int64_t version, number(database, "PRAGMA user_version"));
  if (tables == 0 && application == 0 && version == 0) return 0;
  if (application != kApplicationId) {
    return bad_configuration(fmt::format("an SQLite database of another program: expected application_id {}, got {}",
                                         kApplicationId, application));
  }
  if (version > known) {
    return bad_configuration(
        fmt::format("schema version {}, but this program knows versions up to {}: use the newer lockstep that wrote it",
                    version, known));
  }
  return static_cast<int>(version);
}

Status migrate(Database& database, int version, std::span<const char* const> scripts) {
  for (auto next = static_cast<std::size_t>(version); next < scripts.size(); ++next) {
    RETURN_IF_ERROR(database.run_script(
        fmt::format("BEGIN IMMEDIATE;\n{}\n;PRAGMA application_id = {};\nPRAGMA user_version = {};\nCOMMIT",
                    scripts[next], kApplicationId, next + 1)));
  }
  return OkStatus();
}

}  // namespace lockstep
