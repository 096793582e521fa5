#include "coordinator/store/database.h"

#include <limits>
#include <system_error>
#include <utility>

namespace lockstep {
namespace {

int size_of(std::string_view bytes) {
  CHECK(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()), "{} bytes", bytes.size());
  return static_cast<int>(bytes.size());
}

// A null pointer would be bound as null.
const char* data_of(std::string_view bytes) {
  return bytes.data() == nullptr ? "" : bytes.data();
}

struct Bind {
  sqlite3_stmt* statement;
  int index;

  int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
  int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
  int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
  int operator()(std::string_view text) const {
    return sqlite3_bind_text(statement, index, data_of(text), size_of(text), SQLITE_STATIC);
  }
  int operator()(Blob blob) const {
    return sqlite3_bind_blob(statement, index, data_of(blob.bytes), size_of(blob.bytes), SQLITE_STATIC);
  }
};

}  // namespace

double Row::real(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(statement_, column);
}

std::string_view Row::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(bytes), std::size_t(size));
}

StatusOr<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file) {
  // Absolute, since a name that begins with "file:" means something else to SQLite.
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(file, error);
  if (!file.empty() && error) return io_error(fmt::format("\"{}\": {}", file.native(), error.message()));
  const std::string name = file.empty() ? ":memory:" : absolute.native();
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  if (connection == nullptr) return io_error(fmt::format("\"{}\": no memory for SQLite", name));
  std::unique_ptr<Database> database(new Database(connection, name));
  sqlite3_extended_result_codes(connection, 1);
  if (code != SQLITE_OK) return database->fail_with(code);
  return database;
}

Database::~Database() {
  // Closing would copy the write-ahead log into the database and sync both: not after an error, for a sync that failed
  // is never tried again. The next start does it.
  if (!error_.ok()) sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Status Database::run_script(const std::string& sql) {
  RETURN_IF_ERROR(error_);
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? OkStatus() : fail_with(code);
}

Status Database::run(std::string_view sql, std::initializer_list<Value> values) {
  return query(sql, values, [](const Row&) { return OkStatus(); });
}

Status Database::query(std::string_view sql, std::initializer_list<Value> values,
                       const std::function<Status(const Row&)>& on_row) {
  RETURN_IF_ERROR(error_);
  ASSIGN_OR_RETURN(sqlite3_stmt * statement, prepared(sql));
  int code = SQLITE_OK;
  int index = 0;
  for (const Value& value : values) {
    if (code == SQLITE_OK) code = std::visit(Bind{statement, ++index}, value);
  }
  Status status;
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  for (; code == SQLITE_ROW && status.ok(); code = status.ok() ? sqlite3_step(statement) : code) {
    status = on_row(Row(statement));
  }
  // Before the reset, which changes what SQLite says of the error.
  if (status.ok() && code != SQLITE_DONE) status = fail_with(code);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return status;
}

StatusOr<sqlite3_stmt*> Database::prepared(std::string_view sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(connection_.get(), sql.data(), size_of(sql), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fail_with(code);
  CHECK(statement != nullptr, "no statement: \"{}\"", sql);
  statements_.emplace(sql, statement);
  return statement;
}

const Status& Database::fail(const Status& error) {
  CHECK(!error.ok());
  if (error_.ok()) error_ = error;
  return error_;
}

const Status& Database::fail_with(int code) {
  const int number = sqlite3_system_errno(connection_.get());
  const std::string cause = number == 0 ? "" : fmt::format(", {}", std::generic_category().message(number));
  const std::string said = fmt::format("{} (SQLite error {}{})", sqlite3_errmsg(connection_.get()), code, cause);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(absl::AlreadyExistsError(fmt::format(
          "\"{}\" is open already: another coordinator, or the sqlite3 shell, has it; end that one first", name_)));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(absl::InternalError(fmt::format("\"{}\": the database is corrupt: {}", name_, said)));
    case SQLITE_ERROR:
    case SQLITE_INTERNAL:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
      return fail(absl::InternalError(fmt::format("\"{}\": {}", name_, said)));
    case SQLITE_FULL:
      return fail(io_error(fmt::format("\"{}\": {}; free some space and start again", name_, said)));
    default:
      return fail(io_error(fmt::format("\"{}\": {}", name_, said)));
  }
}

}  // namespace lockstep
