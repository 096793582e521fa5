// The log: one line an event on stderr and, once opened, in a file. Lines carry time, level and rank.
// Threads: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

enum class LogLevel { kInfo, kWarning, kError };

// For people; or for programs, a JSON object a line: "time" (ISO 8601), "level", "message", and the fields of the line.
enum class LogFormat { kText, kJson };

// What a line is about: "sweep", "s1".
struct LogField {
  std::string name;
  std::variant<std::string, std::int64_t, double, bool> value;
};
using LogFields = std::vector<LogField>;

// Until called, lines of level warning and above go to stderr. rank < 0: no rank is printed.
// Info lines go to stderr only when `verbose`.
void configure_log(int rank, bool verbose);
// Also append every line, and the first 100 of before, to this file; one of JSON goes on anew at 16 MiB, four are kept.
Status log_to_file(const std::filesystem::path& path, LogFormat format = LogFormat::kText);
// As text, fields stand behind the message: "ended  sweep=s1 trial=3".
void log(LogLevel level, std::string_view message, const LogFields& fields = {});

template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace lockstep
