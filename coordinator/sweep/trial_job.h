// From a trial to what is run: its job, its command line and where its files lie below the state directory.
// Threads: functions are independent.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/sweep/state.h"

namespace lockstep {

// Fields of a job that are the same for all trials of a sweep, or that the coordinator sets; and why.
inline constexpr auto kRuledFields = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"name", "the coordinator names trials"},
    {"epochs", "the scheduler compares trials along the job's own"},
    {"slices", "the ranks, which all trials share, divide the job's own"},
    {"checkpoint", "the coordinator decides which are written and which stay"},
    {"execution.stop_after_epochs", "the scheduler says how far a trial trains"},
});

// Adds a fault for everything that shows in a job without its data and its network.
void check_trial_job(const proto::Job& job, Faults& faults);

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
