// lockstep-shim DIRECTORY: starts the attempt in DIRECTORY, once, and leaves its exit code there. The coordinator
// starts it; see coordinator/execute/shim.h. Exit codes: 0 mpirun has ended, however it did, or the attempt was started
// before; 2 wrong usage or a bad attempt.pbtxt; 74 could not read or write; 1 anything else.
#include "coordinator/execute/shim.h"

#include <cstdio>
#include <string_view>

#include "launch/command/failure.h"
#include "launch/command/program.h"

namespace lockstep {
namespace {

int run(int argc, char** argv) {
  const std::string_view argument = argc == 2 ? argv[1] : "";
  if (argument.empty() || argument.starts_with('-')) {
    const bool help = argument == "--help" || argument == "-h";
    std::fputs("Usage: lockstep-shim DIRECTORY\nThe coordinator's; not for use by hand.\n", help ? stdout : stderr);
    return help ? 0 : 2;
  }
  return report_failure("lockstep-shim", run_shim(argument));
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) {
  return lockstep::run_program("lockstep-shim", lockstep::Output::kByTheWay, argc, argv, lockstep::run);
}
