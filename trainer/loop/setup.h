// What a training needs, built from a job before its first step: rows, network, optimizer; the options of its reducer.
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
#include "trainer/comm/gradient_reducer.h"
#include "trainer/data/image_transform.h"
#include "trainer/data/row_order.h"
#include "trainer/loop/rows.h"
#include "trainer/loop/training_job.h"
#include "trainer/nn/network/network.h"
#include "trainer/optim/optimizer.h"
#include "trainer/optim/weight_average.h"

namespace lockstep {

struct Setup {
  proto::Job job;  // resolved
  std::filesystem::path out;
  JobRows rows;
  std::unique_ptr<Network> network;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<WeightAverage> average;  // null: none
};

// `out` may be empty: then it is runs/<name of the job>, or, without a name, of its file; a name that is a path, or no
// name of a directory, is a fault. Collective; every rank returns the same status.
// Errors: bad_configuration with all faults of the job and its network, also when a host cannot hold it with all its
// ranks; bad_data; machine_cannot.
StatusOr<Setup> set_up(Communicator& communicator, const std::filesystem::path& job_path,
                       const std::vector<std::string>& overrides, const std::filesystem::path& out);

// The same on the rows given in place of the job's.
StatusOr<Setup> set_up_on(Communicator& communicator, JobDraft draft, std::unique_ptr<Dataset> train);

// What the job says of its network.
NetworkOptions network_options(const proto::Job& job, const ImageShape& image, int classes);

RowOrder row_order(const proto::Job& job, std::int64_t rows, std::shared_ptr<const ClassRows> by_class);
// What the job says of its network's outputs, on rows that it has learned from.
Target learned_target(Target target, const proto::Job& job);
// Normalization and augmentation of training rows.
ImageTransform training_transform(const DatasetInfo& train, const proto::Job& job);
// For the gradients of a network and what a TrainStep adds to them.
ReducerOptions reducer_options(const proto::Job& job, std::size_t parameter_elements);
std::size_t reduced_elements(std::size_t gradient_elements);

// The network of a checkpoint, for evaluation, without its weights yet (restore_everywhere in resume.h). Errors:
// bad_data; bad_configuration when the environment forbids its threads or the host cannot hold it.
struct LoadedNetwork {
  proto::Job job;
  std::unique_ptr<Network> network;
};
StatusOr<LoadedNetwork> load_network(Communicator& communicator, const Checkpoint& checkpoint);

}  // namespace lockstep
