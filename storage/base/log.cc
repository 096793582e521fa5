#include "storage/base/log.h"

#include <exception>
#include <memory>
#include <mutex>
#include <type_traits>

#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "storage/base/printable.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostLogBytes = std::size_t(16) << 20;
constexpr std::size_t kOldLogs = 4;

std::string pattern_of(int rank) {
  return "%Y-%m-%d %H:%M:%S %L " + (rank < 0 ? "" : fmt::format("rank {}: ", rank)) + "%v";
}

// The head of a JSON object; json_tail() is its end.
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v)";

std::string json_tail(std::string_view message, const LogFields& fields) {
  nlohmann::ordered_json line{{"message", std::string(message)}};
  for (const LogField& field : fields) std::visit([&](const auto& value) { line[field.name] = value; }, field.value);
  return printable_json(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)).substr(1);
}

std::string text_of(std::string_view message, const LogFields& fields) {
  std::string text = printable_lines(message);
  for (const LogField& field : fields) {
    std::visit(
        [&](const auto& value) {
          text += fmt::format("{}{}=", &field == fields.data() ? "  " : " ", field.name);
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            text += printable(value);
          } else {
            text += fmt::format("{}", value);
          }
        },
        field.value);
  }
  return text;
}

constexpr std::size_t kMostEarlyLines = 100;

// A line from before there was a file.
struct EarlyLine {
  spdlog::log_clock::time_point time;
  LogLevel level = LogLevel::kInfo;
  std::string message;
  LogFields fields;
};

struct Log {
  std::mutex mutex;  // guards all below, so the sinks need none
  std::shared_ptr<spdlog::sinks::sink> screen = std::make_shared<spdlog::sinks::stderr_sink_st>();
  spdlog::logger logger{"lockstep", screen};
  spdlog::logger json_logger{"lockstep"};
  std::string pattern = pattern_of(-1);
  bool has_file = false;
  std::vector<EarlyLine> early;

  Log() {
    for (spdlog::logger* const it : {&logger, &json_logger}) {
      it->set_level(spdlog::level::info);
      it->flush_on(spdlog::level::info);
    }
    logger.set_pattern(pattern);
    screen->set_level(spdlog::level::warn);
  }
};

// Never destroyed: lines may come while the process exits.
Log& the_log() {
  static Log& instance = *new Log;
  return instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  CHECK(false, "level {}", static_cast<int>(level));
}

}  // namespace

void configure_log(int rank, bool verbose) {
  Log& state = the_log();
  const std::lock_guard lock(state.mutex);
  state.pattern = pattern_of(rank);
  state.logger.set_pattern(state.pattern);
  state.screen->set_level(verbose ? spdlog::level::info : spdlog::level::warn);
}

Status log_to_file(const std::filesystem::path& path, LogFormat format) {
  Log& state = the_log();
  const std::lock_guard lock(state.mutex);
  try {
    const bool json = format == LogFormat::kJson;
    spdlog::sink_ptr file;
    if (json) {  // of a program that runs for months
      file = std::make_shared<spdlog::sinks::rotating_file_sink_st>(path.string(), kMostLogBytes, kOldLogs);
    } else {
      file = std::make_shared<spdlog::sinks::basic_file_sink_st>(path.string());
    }
    file->set_pattern(json ? kJsonPattern : state.pattern);
    for (const EarlyLine& line : state.early) {
      const std::string text = json ? json_tail(line.message, line.fields) : text_of(line.message, line.fields);
      file->log(spdlog::details::log_msg(line.time, {}, "lockstep", spdlog_level(line.level), text));
    }
    file->flush();
    state.has_file = true;
    state.early = {};
    (json ? state.json_logger : state.logger).sinks().push_back(std::move(file));
  } catch (const std::exception& error) {
    return io_error(fmt::format("cannot open the log file: {}", error.what()));
  }
  return OkStatus();
}

void log(LogLevel level, std::string_view message, const LogFields& fields) {
  Log& state = the_log();
  const std::lock_guard lock(state.mutex);
  if (!state.has_file && state.early.size() < kMostEarlyLines) {
    state.early.push_back({spdlog::log_clock::now(), level, std::string(message), fields});
  }
  state.logger.log(spdlog_level(level), spdlog::string_view_t(text_of(message, fields)));
  if (state.json_logger.sinks().empty()) return;
  state.json_logger.log(spdlog_level(level), spdlog::string_view_t(json_tail(message, fields)));
}

}  // namespace lockstep
