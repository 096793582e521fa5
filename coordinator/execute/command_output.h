// What a short command prints.
#pragma once

#include <string>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

// What becomes of its standard error.
enum class CommandErrors { kShown, kDropped };

// Standard output of a program that is started by its path or found in PATH, with these arguments; no shell. At most
// 1 MiB. Errors: io_error when it cannot be started or does not exit with 0.
StatusOr<std::string> command_output(std::vector<std::string> arguments, CommandErrors errors = CommandErrors::kShown);

}  // namespace lockstep
