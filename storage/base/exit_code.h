// How our programs end: a contract with people, scripts and the coordinator. What is not in this table (a signal, the
// code of mpirun or of a shell) is a failure of which nothing is known: it is tried again, with a limit.
#pragma once

#include <string_view>

#include "storage/base/status.h"

namespace lockstep {

enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,            // none of the below
  kExitBadConfiguration = 2,  // job, flag or usage: it would come again
  kExitBadData = 3,           // a dataset or checkpoint that was read and is not good: it would come again
  kExitDiverged = 4,          // loss or gradients are not finite: it would come again
  kExitMachineCannot = 69,    // this machine cannot: a core, memory, a processor's feature; another one may
  kExitIoError = 74,          // could not read or write here: retry may help
  kExitStopped = 75,          // stopped at a checkpoint: run the same command again
  kExitHung = 86,             // a rank makes no progress
};

// A core, memory or a feature that this machine has not, and another may: exit 69. Its absl code is kResourceExhausted.
// The other kinds of error are in status.h; io_error ends in 74.
Status machine_cannot(std::string_view message);

// In words; empty for a code that is not in the table.
constexpr std::string_view exit_code_meaning(int code) {
  switch (code) {
    case kExitDone:
      return "done";
    case kExitFailed:
      return "failed";
    case kExitBadConfiguration:
      return "bad configuration";
    case kExitBadData:
      return "bad data";
    case kExitDiverged:
      return "diverged";
    case kExitMachineCannot:
      return "this machine cannot";
    case kExitIoError:
      return "could not read or write here";
    case kExitStopped:
      return "stopped at a checkpoint";
    case kExitHung:
      return "a rank makes no progress";
    default:
      return "";
  }
}

}  // namespace lockstep
