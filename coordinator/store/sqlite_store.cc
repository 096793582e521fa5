#include <string>
#include <utility>

#include "coordinator/store/database.h"
#include "coordinator/store/file_system.h"
#include "coordinator/store/known_event.h"
#include "coordinator/store/materialise.h"
#include "coordinator/store/refusal.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/store.h"
#include "coordinator/store/verify.h"
#include "storage/base/fault.h"

namespace lockstep {
namespace {

std::string kind_of(const proto::Event& event) {
  if (event.kind_case() == proto::Event::KIND_NOT_SET) return "";
  return std::string(proto::Event::descriptor()->FindFieldByNumber(event.kind_case())->name());
}

class SqliteStore : public Store {
 public:
  SqliteStore(std::unique_ptr<Database> database, std::int64_t last_revision)
      : database_(std::move(database)), last_revision_(last_revision) {}

  StatusOr<std::vector<Status>> commit(std::span<Commit> commits) override {
    RETURN_IF_ERROR(database_->error());
    StatusOr<std::vector<Status>> results = write(commits);
    if (!results.ok()) return database_->fail(results.status());
    return results;
  }

  Status read_events(std::int64_t after_revision, std::int64_t at_most,
                     const std::function<void(const proto::Event&)>& on_event) override;
  std::int64_t last_revision() const override { return last_revision_; }
  Status read_fences(const std::function<void(const ReportFence&)>& on_fence) override;
  StatusOr<std::optional<StoredRequest>> find_request(const std::string& id) override;
  Status read_points(const std::string& sweep, int trial,
                     const std::function<void(const MetricPoint&)>& on_point) override;
  Status verify() override { return verify_database(*database_); }

 private:
  StatusOr<std::vector<Status>> write(std::span<Commit> commits);
  // Its result; unless that is OK, a part of the commit may be written, and the caller rolls back.
  Status write_one(Commit& commit, std::int64_t& revision, Status& result);
  StatusOr<bool> take_fence(const ReportFence& fence);
  StatusOr<bool> take_request(const StoredRequest& request);
  Status insert_event(const proto::Event& event);
  Status insert_point(const MetricPoint& point);

  std::unique_ptr<Database> database_;
  std::int64_t last_revision_;
};

StatusOr<std::vector<Status>> SqliteStore::write(std::span<Commit> commits) {
  std::vector<Status> results;
  if (commits.empty()) return results;
  RETURN_IF_ERROR(fault_point("serve.commit"));
  std::int64_t last = last_revision_;
  RETURN_IF_ERROR(database_->run("BEGIN IMMEDIATE"));
  for (Commit& commit : commits) {
    std::int64_t revision = last;
    RETURN_IF_ERROR(database_->run("SAVEPOINT one"));
    RETURN_IF_ERROR(write_one(commit, revision, results.emplace_back()));
    if (results.back().ok()) {
      last = revision;
    } else {
      RETURN_IF_ERROR(database_->run("ROLLBACK TO one"));
    }
    RETURN_IF_ERROR(database_->run("RELEASE one"));
  }
  RETURN_IF_ERROR(database_->run("COMMIT"));
  last_revision_ = last;
  RETURN_IF_ERROR(fault_point("serve.committed"));
  return results;
}

Status SqliteStore::write_one(Commit& commit, std::int64_t& revision, Status& result) {
  if (commit.request) {
    ASSIGN_OR_RETURN(const bool is_new, take_request(*commit.request));
    if (!is_new) result = request_known(*commit.request);
  }
  if (commit.fence && result.ok()) {
    ASSIGN_OR_RETURN(const bool holds, take_fence(*commit.fence));
    if (!holds) result = fence_broken(*commit.fence);
  }
  if (!result.ok()) return OkStatus();
  for (proto::Event& event : commit.events) {
    CHECK(!event.has_revision(), "an event has revision {} before it is written", event.revision());
    event.set_revision(++revision);
    RETURN_IF_ERROR(insert_event(event));
    RETURN_IF_ERROR(materialise(event, *database_));
  }
  for (const MetricPoint& point : commit.points) RETURN_IF_ERROR(insert_point(point));
  return OkStatus();
}

StatusOr<bool> SqliteStore::take_fence(const ReportFence& fence) {
  RETURN_IF_ERROR(database_->run(
      "UPDATE attempts SET last_seq = ? WHERE sweep = ? AND trial = ? AND attempt = ? AND token = ? AND ended = 0 "
      "AND last_seq < ?",
      {fence.seq, fence.sweep, fence.trial, fence.attempt, fence.token, fence.seq}));
  return database_->changes() > 0;
}

StatusOr<bool> SqliteStore::take_request(const StoredRequest& request) {
  RETURN_IF_ERROR(database_->run("INSERT OR IGNORE INTO requests (id, hash, response) VALUES (?, ?, ?)",
                                 {request.id, Blob{request.hash}, Blob{request.response}}));
  return database_->changes() > 0;
}

Status SqliteStore::insert_event(const proto::Event& event) {
  return database_->run(
      "INSERT INTO events (revision, time_ms, sweep, kind, event) VALUES (?, ?, ?, ?, ?)",
      {event.revision(), event.time_ms(), event.sweep(), kind_of(event), Blob{event.SerializeAsString()}});
}

Status SqliteStore::insert_point(const MetricPoint& point) {
  return database_->run(
      "INSERT OR REPLACE INTO points (sweep, trial, step, attempt, loss, accuracy, learning_rate, images_per_second) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      {point.sweep, point.trial, point.step, point.attempt, point.loss, point.accuracy, point.learning_rate,
       point.images_per_second});
}

Status SqliteStore::read_events(std::int64_t after_revision, std::int64_t at_most,
                                const std::function<void(const proto::Event&)>& on_event) {
  std::int64_t expected = after_revision;
  proto::Event event;
  return database_->query(
      "SELECT revision, event FROM events WHERE revision > ? ORDER BY revision LIMIT ?", {after_revision, at_most},
      [&](const Row& row) -> Status {
        const std::string_view bytes = row.text(1);
        if (row.integer(0) != ++expected || !event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
          return database_->fail(
              absl::InternalError(fmt::format("the log is damaged: event {} is missing or does not parse", expected)));
        }
        RETURN_IF_ERROR(check_known(event));
        on_event(event);
        return OkStatus();
      });
}

Status SqliteStore::read_fences(const std::function<void(const ReportFence&)>& on_fence) {
  return database_->query("SELECT sweep, trial, attempt, token, last_seq FROM attempts WHERE ended = 0", {},
                          [&](const Row& row) {
                            on_fence({.sweep = std::string(row.text(0)),
                                      .trial = static_cast<int>(row.integer(1)),
                                      .attempt = static_cast<int>(row.integer(2)),
                                      .token = std::string(row.text(3)),
                                      .seq = row.integer(4)});
                            return OkStatus();
                          });
}

StatusOr<std::optional<StoredRequest>> SqliteStore::find_request(const std::string& id) {
  std::optional<StoredRequest> found;
  RETURN_IF_ERROR(database_->query("SELECT hash, response FROM requests WHERE id = ?", {id}, [&](const Row& row) {
    found = StoredRequest{.id = id, .hash = std::string(row.text(0)), .response = std::string(row.text(1))};
    return OkStatus();
  }));
  return found;
}

Status SqliteStore::read_points(const std::string& sweep, int trial,
                                const std::function<void(const MetricPoint&)>& on_point) {
  // The other columns are those of the row that has the maximum: https://sqlite.org/lang_select.html#bareagg
  return database_->query(
      "SELECT step, max(attempt), loss, accuracy, learning_rate, images_per_second FROM points "
      "WHERE sweep = ? AND trial = ? GROUP BY step ORDER BY step",
      {sweep, trial}, [&](const Row& row) {
        on_point({.sweep = sweep,
                  .trial = trial,
                  .attempt = static_cast<int>(row.integer(1)),
                  .step = row.integer(0),
                  .loss = row.real(2),
                  .accuracy = row.real(3),
                  .learning_rate = row.real(4),
                  .images_per_second = row.real(5)});
        return OkStatus();
      });
}

// The lock is taken before anything is read, the database is looked at before anything is written.
StatusOr<std::int64_t> prepare(Database& database) {
  RETURN_IF_ERROR(database.run_script("PRAGMA locking_mode = EXCLUSIVE"));
  ASSIGN_OR_RETURN(const int version, schema_version(database, static_cast<int>(migrations().size())));
  std::string mode;
  RETURN_IF_ERROR(database.query("PRAGMA journal_mode = WAL", {}, [&](const Row& row) {
    mode = row.text(0);
    return OkStatus();
  }));
  if (mode != "wal") return io_error(fmt::format("no write-ahead log can be kept here: journal mode \"{}\"", mode));
  RETURN_IF_ERROR(database.run_script("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  RETURN_IF_ERROR(migrate(database, version, migrations()));
  std::int64_t last_revision = 0;
  RETURN_IF_ERROR(database.query("SELECT coalesce(max(revision), 0) FROM events", {}, [&](const Row& row) {
    last_revision = row.integer(0);
    return OkStatus();
  }));
  return last_revision;
}

}  // namespace

StatusOr<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& file) {
  warn_of_network_file_system(file.has_parent_path() ? file.parent_path() : ".");
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::open(file));
  StatusOr<std::int64_t> last_revision = prepare(*database);
  if (!last_revision.ok()) {
    const bool has_path = last_revision.status().message().find(file.native()) != std::string_view::npos;
    return has_path ? last_revision.status()
                    : with_context(last_revision.status(), fmt::format("\"{}\"", file.native()));
  }
  return std::make_unique<SqliteStore>(std::move(database), *last_revision);
}

}  // namespace lockstep
