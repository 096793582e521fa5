// A database as the sqlite3 shell sees it, for tests. Requires: no store has it open.
#pragma once

#include <filesystem>
#include <string>

#include <sqlite3.h>

#include "storage/base/status.h"

namespace lockstep {

class RawDatabase {
 public:
  explicit RawDatabase(const std::filesystem::path& file) {
    CHECK(sqlite3_open(file.c_str(), &connection_) == SQLITE_OK, "{}", file.native());
  }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;
  ~RawDatabase() { sqlite3_close(connection_); }

  // Rows as the shell prints them: columns with "|" between, each row with "\n" behind.
  std::string run(const std::string& sql) {
    std::string text;
    char* error = nullptr;
    const int code = sqlite3_exec(connection_, sql.c_str(), add_row, &text, &error);
    CHECK(code == SQLITE_OK, "{}: {}", sql, error);
    return text;
  }

 private:
  static int add_row(void* text, int columns, char** values, char**) {
    auto& rows = *static_cast<std::string*>(text);
    for (int i = 0; i < columns; ++i) rows.append(i == 0 ? "" : "|").append(values[i] == nullptr ? "" : values[i]);
    rows += '\n';
    return 0;
  }

  sqlite3* connection_ = nullptr;
};

}  // namespace lockstep
