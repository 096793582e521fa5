// The log: one line an event on stderr and, once opened, in a file. Lines carry time, level and rank.
// Threads: any.
#pragma once

#include <filesystem>
#include <string_view>

#include "storage/base/status.h"

namespace lockstep {

enum class LogLevel { kInfo, kWarning, kError };

// Until called, lines of level warning and above go to stderr. rank < 0: no rank is printed.
// Info lines go to stderr only when `verbose`.
void configure_log(int rank, bool verbose);
// Also append every line to this file.
Status log_to_file(const std::filesystem::path& path);
void log(LogLevel level, std::string_view message);

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
