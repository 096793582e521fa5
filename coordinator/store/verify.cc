#include "coordinator/store/verify.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "coordinator/store/known_event.h"
#include "coordinator/store/materialise.h"
#include "coordinator/store/schema.h"

namespace lockstep {
namespace {

Status check_pages(Database& database) {
  return database.query("PRAGMA integrity_check", {}, [](const Row& row) {
    return row.text(0) == "ok" ? OkStatus() : bad_data(fmt::format("the database is corrupt: {}", row.text(0)));
  });
}

Status check_event(const Row& row, std::int64_t expected_revision, proto::Event& event) {
  const std::int64_t revision = row.integer(0);
  if (revision != expected_revision) {
    return bad_data(fmt::format("events: expected revision {}, got {}", expected_revision, revision));
  }
  const std::string_view bytes = row.text(4);
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return bad_data(fmt::format("event {} does not parse", revision));
  }
  if (event.kind_case() == proto::Event::KIND_NOT_SET) {
    return bad_data(fmt::format("event {} is of no kind that this program knows", revision));
  }
  RETURN_IF_ERROR(check_known(event));
  const std::string kind(proto::Event::descriptor()->FindFieldByNumber(event.kind_case())->name());
  if (event.revision() != revision || event.time_ms() != row.integer(1) || event.sweep() != row.text(2) ||
      kind != row.text(3)) {
    return bad_data(fmt::format(
        "event {}: its row says time_ms {}, sweep \"{}\", kind {}; itself {}, \"{}\", {}, "
        "revision {}",
        revision, row.integer(1), row.text(2), row.text(3), event.time_ms(), event.sweep(), kind, event.revision()));
  }
  return OkStatus();
}

Status replay(Database& database, Database& replayed) {
  RETURN_IF_ERROR(replayed.run("BEGIN"));
  std::int64_t revision = 0;
  proto::Event event;
  const auto replay_row = [&](const Row& row) -> Status {
    RETURN_IF_ERROR(check_event(row, ++revision, event));
    return materialise(event, replayed);
  };
  RETURN_IF_ERROR(
      database.query("SELECT revision, time_ms, sweep, kind, event FROM events ORDER BY revision", {}, replay_row));
  return replayed.run("COMMIT");
}

struct Table {
  const char* name;
  std::vector<const char*> columns;  // all that the events say; the first three order the rows
};

const std::array<Table, 7>& tables() {
  static const std::array<Table, 7> all = {{
      {"sweeps", {"sweep", "name", "state", "reason", "submitted_ms", "deleted"}},
      {"trials", {"sweep", "trial", "state", "reason", "bracket", "parameters"}},
      {"attempts",
       {"sweep", "trial", "attempt", "token", "ended", "cores", "until_epoch", "planned_ms", "attached_ms", "ended_ms",
        "outcome", "exit_code", "message", "seconds"}},
      {"evaluations", {"sweep", "trial", "epoch", "step", "loss", "accuracy"}},
      {"metrics", {"sweep", "trial", "epoch", "name", "value"}},
      {"checkpoints", {"sweep", "trial", "step", "attempt", "parent_step", "path", "pinned", "deleted"}},
      {"decisions", {"revision", "time_ms", "sweep", "trial", "what", "reason"}},
  }};
  return all;
}

// Every row as text, from which the values can be told exactly.
StatusOr<std::vector<std::string>> rows(const Table& table, Database& database) {
  std::string columns;
  for (const char* column : table.columns) {
    columns += fmt::format("{}quote({})", columns.empty() ? "" : " || ', ' || ", column);
  }
  std::vector<std::string> found;
  RETURN_IF_ERROR(database.query(fmt::format("SELECT {} FROM {} ORDER BY {}, {}, {}", columns, table.name,
                                             table.columns[0], table.columns[1], table.columns[2]),
                                 {}, [&](const Row& row) {
                                   found.emplace_back(row.text(0));
                                   return OkStatus();
                                 }));
  return found;
}

Status compare(const Table& table, Database& database, Database& replayed) {
  ASSIGN_OR_RETURN(const std::vector<std::string> got, rows(table, database));
  ASSIGN_OR_RETURN(const std::vector<std::string> expected, rows(table, replayed));
  const auto [at_got, at_expected] = std::mismatch(got.begin(), got.end(), expected.begin(), expected.end());
  if (at_got == got.end() && at_expected == expected.end()) return OkStatus();
  return bad_data(fmt::format("table {} is not what the events give: expected ({}), got ({})", table.name,
                              at_expected == expected.end() ? "no row" : *at_expected,
                              at_got == got.end() ? "no row" : *at_got));
}

}  // namespace

Status verify_database(Database& database) {
  RETURN_IF_ERROR(check_pages(database));
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> replayed, Database::open({}));
  RETURN_IF_ERROR(migrate(*replayed, 0, migrations()));
  RETURN_IF_ERROR(replay(database, *replayed));
  for (const Table& table : tables()) RETURN_IF_ERROR(compare(table, database, *replayed));
  return OkStatus();
}

}  // namespace lockstep
