// A job of a second with every kind of randomness and state in it, on rows that a network can learn.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "storage/base/status.h"
#include "storage/checkpoint/checkpoint.h"
#include "tests/storage/base/temporary_directory.h"
#include "trainer/loop/trainer.h"

namespace lockstep {

struct SmallJob {
  // Makes 256 training and 50 test rows of 8 x 8 and a job of 3 epochs of 8 steps.
  SmallJob();

  TemporaryDirectory folder;
  std::filesystem::path directory = folder.path();
  std::filesystem::path job = directory / "job.pbtxt";  // its data file is beside it

  // The same job with other fields; its output goes to directory/name.
  TrainOptions options(const std::string& name, std::vector<std::string> overrides = {}) const;
  // The newest checkpoint of directory/name.
  StatusOr<Checkpoint> result(const std::string& name) const;
};

// Trains on `ranks` threads; every rank must return the same code.
Status train_on(int ranks, const TrainOptions& options);
bool identical(const StatusOr<Checkpoint>& a, const StatusOr<Checkpoint>& b);

}  // namespace lockstep
