// Writes checkpoints in the background, one at a time, and keeps the directory to the policy.
//
// A checkpoint that cannot be written (a full disk) is logged and left: training goes on and the older ones stay. A
// directory that was deleted is made again, inside its parent.
// Threads: one owner; one thread of its own while writing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <thread>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "storage/checkpoint/checkpoint.h"

namespace lockstep {

class CheckpointWriter {
 public:
  // With the evaluations so far. The best are those by the first metric of the job.
  CheckpointWriter(std::filesystem::path directory, const proto::Job& job,
                   std::span<const CheckpointEvaluation> evaluations);
  ~CheckpointWriter();

  // Waits for the one before, then starts to write this one. Returns what became of the one before.
  Status write(Checkpoint checkpoint);
  // Waits. Returns what became of the last one.
  Status finish();

 private:
  void run(const Checkpoint& checkpoint);
  void note(const CheckpointEvaluation& evaluation);

  std::filesystem::path directory_;
  proto::CheckpointPolicy policy_;
  std::string metric_;
  std::map<std::int64_t, double> merits_;  // by step; higher is better
  std::thread thread_;
  Status status_;
};

}  // namespace lockstep
