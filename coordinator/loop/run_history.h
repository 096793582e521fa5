// What a run has written into its metrics.jsonl: the spool of what it could not report.
// Threads: functions are independent.
#pragma once

#include <filesystem>
#include <vector>

#include "proto/coordinator.pb.h"

namespace lockstep {

struct RunHistory {
  std::vector<proto::EvalMetric> evaluations;      // as they stand in the file
  std::vector<proto::CheckpointNote> checkpoints;  // of those, the ones whose files are there
};

// `run`: the output directory of lockstep train. What is missing or torn is passed over; at most 64 MiB are read.
RunHistory read_run_history(const std::filesystem::path& run);

}  // namespace lockstep
