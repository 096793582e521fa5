// A job of a second with every kind of randomness and state in it, on rows that a network can learn.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "storage/base/status.h"
#include "storage/checkpoint/checkpoint.h"
#include "trainer/loop/trainer.h"

namespace lockstep {

struct SmallJob {
  std::filesystem::path directory;  // fresh
  std::filesystem::path job;        // the job file in it; its data file is there too

  // The same job with other fields; its output goes to directory/name.
  TrainOptions options(const std::string& name, std::vector<std::string> overrides = {}) const;
  // The newest checkpoint of directory/name.
  StatusOr<Checkpoint> result(const std::string& name) const;
};

// Makes 256 training and 50 test rows of 8 x 8 and a job of 3 epochs of 8 steps, below the test's temporary directory.
SmallJob make_small_job(const std::string& name);

}  // namespace lockstep
