// Everything a training needs, built from a job before its first step: rows, network, optimizer.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "storage/checkpoint/checkpoint.h"
#include "storage/dataset/dataset.h"
#include "trainer/comm/communicator.h"
#include "trainer/nn/network.h"
#include "trainer/optim/optimizer.h"

namespace lockstep {

struct Setup {
  proto::Job job;  // resolved
  std::unique_ptr<Dataset> train;
  std::unique_ptr<Dataset> test;  // null: the file has no such split
  std::unique_ptr<Network> network;
  std::unique_ptr<Optimizer> optimizer;
};

// Collective; every rank returns the same status. Errors: bad_configuration with all faults of the job and its network,
// bad_data.
StatusOr<Setup> set_up(Communicator& communicator, const std::filesystem::path& job_path,
                       const std::vector<std::string>& overrides);

// A network with the weights of a checkpoint, for evaluation. Errors: bad_data.
struct LoadedNetwork {
  proto::Job job;
  std::unique_ptr<Network> network;
};
StatusOr<LoadedNetwork> load_network(const Checkpoint& checkpoint);

// One split of the job's data file. Errors: as open_hdf5_dataset.
StatusOr<std::unique_ptr<Dataset>> open_split(const proto::Data& data, const std::filesystem::path& path,
                                              const std::string& split);

}  // namespace lockstep
