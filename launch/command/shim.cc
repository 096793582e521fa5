// lockstep-shim DIRECTORY: starts the attempt in DIRECTORY, once, and leaves its exit code there. The coordinator
// starts it; see coordinator/execute/shim.h. Exit codes: 0 mpirun has ended, however it did, or the attempt was started
// before; 2 wrong usage or a bad attempt.pbtxt; 74 could not read or write; 1 anything else.
#include "coordinator/execute/shim.h"

#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "storage/base/printable.h"

int main(int argc, char** argv) {
  const std::string_view argument = argc == 2 ? argv[1] : "";
  if (argument.empty() || argument.starts_with('-')) {
    const bool help = argument == "--help" || argument == "-h";
    fmt::print(help ? stdout : stderr, "Usage: lockstep-shim DIRECTORY\nThe coordinator's; not for use by hand.\n");
    return help ? 0 : 2;
  }
  const lockstep::Status status = lockstep::run_shim(argument);
  if (!status.ok()) fmt::print(stderr, "lockstep-shim: {}\n", lockstep::printable_lines(std::string(status.message())));
  return lockstep::exit_code(status);
}
