// One connection to an SQLite database: statements are prepared once, values are bound, errors become Status.
// The first error of SQLite stays: every further call returns it, and closing writes nothing more to the file.
// Errors of all calls: kInternal when the database is damaged or the statement is wrong; kAlreadyExists when somebody
// else has the file open; io_error for everything else that the world does.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include <sqlite3.h>

#include "storage/base/status.h"

namespace lockstep {

struct Blob {
  std::string_view bytes;
};

// Null, number, text or bytes; NaN becomes null.
using Value = std::variant<std::monostate, std::int64_t, double, std::string_view, Blob>;

// The row that a query is at; views hold until the next one.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  // Null gives NaN.
  double real(int column) const;
  // Text or bytes.
  std::string_view text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Database {
 public:
  // Makes the file when it is not there; its folder must be. An empty path: a database in memory.
  static StatusOr<std::unique_ptr<Database>> open(const std::filesystem::path& file);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // Statements without values, one after another.
  Status run_script(const std::string& sql);
  // One statement; its values take the places of "?".
  Status run(std::string_view sql, std::initializer_list<Value> values = {});
  // The same, and calls `on_row` for every row until it returns an error, which is returned and does not stay.
  Status query(std::string_view sql, std::initializer_list<Value> values,
               const std::function<Status(const Row&)>& on_row);
  // Rows that the last INSERT, UPDATE or DELETE changed.
  int changes() const { return sqlite3_changes(connection_.get()); }

  // The error that stays, or OK.
  const Status& error() const { return error_; }
  // Lets an error from outside stay, unless there is one. Returns the one that stays. Requires: not OK.
  const Status& fail(const Status& error);

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  Database(sqlite3* connection, std::string name) : name_(std::move(name)), connection_(connection) {}
  StatusOr<sqlite3_stmt*> prepared(std::string_view sql);
  // What SQLite says of the call that just returned `code`; it stays.
  const Status& fail_with(int code);

  std::string name_;
  std::unique_ptr<sqlite3, Close> connection_;
  std::map<std::string, Statement, std::less<>> statements_;  // destroyed before the connection
  Status error_;
};

}  // namespace lockstep
