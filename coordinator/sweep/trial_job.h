// From a trial to what is run: its job, its command line and where its files lie below the state directory.
// Threads: functions are independent.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "coordinator/sweep/state.h"

namespace lockstep {

// The base job with the trial's parameters. Checkpoints: every epoch's, and all are kept: which go is decided by
// retention(). Errors: bad_configuration, when a combination of parameters makes no job.
StatusOr<proto::Job> trial_job(const Sweep& sweep, const Trial& trial);

// Below the state directory: "sweeps/s1/trial-00003", with "job.pbtxt", "run" (--out) and "attempt-001" in it.
std::filesystem::path trial_directory(const std::string& sweep, int trial);
std::filesystem::path attempt_directory(const Sweep& sweep, const Trial& trial, const Attempt& attempt);
std::filesystem::path checkpoint_path(const Sweep& sweep, const Trial& trial, std::int64_t step);

// How trainers are started.
struct Runner {
  std::string trainer;              // lockstep-train
  std::vector<std::string> mpirun;  // program and flags up to "-n", for trials of more than one rank
};

// The argument vector of an attempt. `state_directory`: absolute.
std::vector<std::string> attempt_arguments(const Runner& runner, const std::filesystem::path& state_directory,
                                           const Sweep& sweep, const Trial& trial, const Attempt& attempt);

}  // namespace lockstep
