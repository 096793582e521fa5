// A training run from job to final checkpoint: resume, steps, evaluation, checkpoints, and the ways it may end.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "trainer/comm/communicator.h"
#include "trainer/report/progress.h"

namespace lockstep {

struct TrainOptions {
  std::filesystem::path job;
  std::vector<std::string> overrides;  // "path=value"
  std::filesystem::path out;           // empty: "runs/<job name, or the job file's name>"
  std::filesystem::path init_from;     // parameters and buffers of this checkpoint instead of random ones
  std::filesystem::path attempt;       // of a trial: reports go to its coordinator (proto/attempt.proto, AttemptFile)
  ProgressStyle progress = ProgressStyle::kAutomatic;
  // Where execution.time_limit_seconds begins: a program makes the options before it joins the other ranks.
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

// Collective; every rank returns the same status. OK: the last step is done and its checkpoint is on disk.
// Errors: bad_configuration, bad_data, diverged (rows named; nothing is written from the bad state), stopped (a
// checkpoint is on disk: run the same command again), kInternal (replicas differ), io_error. Fault point, on every
// rank: "train.begin", before the first step.
Status train(Communicator& communicator, const TrainOptions& options);

}  // namespace lockstep
