// What a short command prints.
#pragma once

#include <string>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

// What becomes of its standard error; taken: it is a part of the output.
enum class CommandErrors { kShown, kTaken };

struct CommandResult {
  std::string output;  // at most 1 MiB
  int exit_code = 0;
};
// Of a program that is started by its path or found in PATH, with these arguments; no shell. Errors: io_error when it
// cannot be started or is ended by a signal.
StatusOr<CommandResult> command_result(std::vector<std::string> arguments, CommandErrors errors);

// The standard output of one that ends well. Errors: io_error, also when it does not exit with 0.
StatusOr<std::string> command_output(std::vector<std::string> arguments);

}  // namespace lockstep
