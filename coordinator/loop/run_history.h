// What a run has left in its directory: the spool of what it could not report.
// Threads: functions are independent.
#pragma once

#include <filesystem>
#include <vector>

#include "proto/coordinator.pb.h"

namespace lockstep {

struct RunHistory {
  std::vector<proto::EvalMetric> evaluations;      // as they stand in metrics.jsonl
  std::vector<proto::CheckpointNote> checkpoints;  // whose files are there, by step
};

// `run`: the output directory of lockstep train. What is missing or torn is passed over; at most 64 MiB of evaluations
// are taken from metrics.jsonl, however long the rest of it is.
RunHistory read_run_history(const std::filesystem::path& run);

}  // namespace lockstep
