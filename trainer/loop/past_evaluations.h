// The evaluations of a run up to a checkpoint, as the checkpoint holds them or, for one of before it did, as they can
// be found beside it. Threads: functions are independent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "storage/checkpoint/checkpoint.h"
#include "trainer/report/events.h"

namespace lockstep {

CheckpointEvaluation to_checkpoint(const EvalPoint& evaluation);
std::vector<CheckpointEvaluation> to_checkpoint(const std::vector<EvalPoint>& evaluations);
// Empty when the checkpoint is of before they were stored.
std::vector<EvalPoint> from_checkpoint(const Checkpoint& checkpoint);
std::optional<EvalPoint> final_test_of(const Checkpoint& checkpoint);

// For a checkpoint of before: those that the run's metrics.jsonl holds, and where it has none of a step, the accuracy
// that the checkpoint of that step holds (its loss is not known, nor its rows). Of the files at most `most_bytes` are
// read, the newest first, so that a long run begins in time; each that is not read is named in the log. An evaluation
// at the checkpoint's own step is among them only when metrics.jsonl has it with the checkpoint's accuracy: otherwise
// it is made again.
inline constexpr std::uintmax_t kMostBytesOfOldCheckpoints = std::uintmax_t{1} << 30;
std::vector<EvalPoint> find_evaluations(const Checkpoint& checkpoint, const std::filesystem::path& run,
                                        std::uintmax_t most_bytes = kMostBytesOfOldCheckpoints);

}  // namespace lockstep
