// Errors: Status for what the world does, CHECK for our own bugs, and the exit code that each error ends in.
//
// The kind of an error is its absl code, which the functions below make; exit_code.h has all exit codes, and
// machine_cannot (exit 69):
//   bad_configuration  kInvalidArgument   exit 2    job, flag or usage: nothing was started
//   bad_data           kDataLoss          exit 3    a dataset or checkpoint that is missing, torn or out of range
//   diverged           kOutOfRange        exit 4    loss or gradients are not finite
//   stopped            kCancelled         exit 75   stopped at a checkpoint: run the same command again
//   hung               kDeadlineExceeded  exit 86   a rank makes no progress
//   io_error           kUnavailable       exit 74   a file operation failed: retry may help
// A message says what, where, expected and got, and what to do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

namespace lockstep {

using absl::OkStatus;
using absl::Status;
using absl::StatusOr;

Status bad_configuration(std::string_view message);
Status bad_data(std::string_view message);
Status diverged(std::string_view message);
Status stopped(std::string_view message);
Status hung(std::string_view message);
Status io_error(std::string_view message);

// The same error, with its payloads and "context: " in front of its message.
Status with_context(const Status& status, std::string_view context);

// Process exit code by the table above; 0 for OK, 1 for any other code.
int exit_code(const Status& status);

// Set once at start-up by a program that has ranks; CHECK prints it. Default: none, which reads as -1.
void set_rank_for_messages(int rank);
int rank_for_messages();

[[noreturn]] void check_failed(const char* file, int line, const char* condition, std::string_view message);

}  // namespace lockstep

// Always on. CHECK(condition, "format", arguments...): prints rank, file, line, condition and message; aborts.
#define CHECK(condition, ...)                                                                  \
  do {                                                                                         \
    if (!(condition)) [[unlikely]]                                                             \
      ::lockstep::check_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__)); \
  } while (false)

#define RETURN_IF_ERROR(expression)                                           \
  do {                                                                        \
    if (::absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define LOCKSTEP_CONCAT_INNER(a, b) a##b
#define LOCKSTEP_CONCAT(a, b) LOCKSTEP_CONCAT_INNER(a, b)
// ASSIGN_OR_RETURN(auto value, function()): assigns the value or returns the error.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(LOCKSTEP_CONCAT(status_or_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(holder, declaration, expression) \
  auto holder = (expression);                                   \
  if (!holder.ok()) return holder.status();                     \
  declaration = *std::move(holder)
