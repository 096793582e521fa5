// One optimizer step, the program of data parallelism on one page: this rank's slices forward and backward, the
// reduction over slices and ranks, the update.
//
// Beside the gradients the same array carries what all ranks must know at the same step: loss, correct rows, and
// whether any rank saw a loss or a pixel that is not finite, failed to load its rows, or was asked to stop or to
// checkpoint. Ensures: after run() returns, parameters and buffers are the same bits on every rank. Ranks that share
// memory update a part of the parameters each: of the optimizer's state, each has its part (PartedUpdate::complete).
// Threads: one thread per object. Allocates nothing after the first run().
#pragma once

#include <cstdint>
#include <vector>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "trainer/comm/gradient_reducer.h"
#include "trainer/comm/heartbeat.h"
#include "trainer/comm/parted_update.h"
#include "trainer/data/slice_loader.h"
#include "trainer/loop/bad_rows.h"
#include "trainer/nn/network/network.h"
#include "trainer/optim/optimizer.h"
#include "trainer/optim/weight_average.h"
#include "trainer/report/time_account.h"

namespace lockstep {

struct StepRequests {
  bool stop = false;
  bool checkpoint = false;
};

struct StepOutcome {
  double loss = 0;      // mean over the batch
  double accuracy = 0;  // share of the batch
  double learning_rate = 0;
  bool stop = false;        // some rank was asked to
  bool checkpoint = false;  // some rank asked for one
  // Not both true: the parameters were left as they were.
  bool finite = true;  // losses, pixels and gradients
  bool loaded = true;
};

class TrainStep {
 public:
  // Floats that the reduced array needs behind network.gradient_elements().
  static constexpr std::size_t kTailElements = 16;

  struct Parts {
    Network& network;
    Optimizer& optimizer;
    WeightAverage* average;  // null: none
    GradientReducer& reducer;
    PartedUpdate& parted_update;
    SliceLoader& loader;  // started at the first step that is run
    Heartbeat& heartbeat;
    TimeAccount& account;
  };

  TrainStep(const Parts& parts, const proto::Job& job, int slices_of_this_rank, std::int64_t steps_per_epoch,
            std::int64_t total_steps);

  // Step number `step`, counted from 0. Collective; every rank returns the same outcome.
  StepOutcome run(std::int64_t step, const StepRequests& requests);

  // Of the learning rate from now on; only plateau has one.
  void set_plateau_scale(double scale) { plateau_scale_ = scale; }

  // After an outcome that is not loaded: this rank's error, if it had one.
  const Status& load_status() const { return load_status_; }
  // After an outcome that is not finite: rows of this rank's slices with pixels that are not. At most kMostBadRows.
  const std::vector<std::int64_t>& bad_rows() const { return bad_rows_; }

 private:
  void run_slice(std::int64_t step, const StepRequests& requests, bool first);
  bool part_is_finite(std::span<const float> gradients);
  void update(std::span<const float> sum, std::int64_t step, float learning_rate);

  Parts parts_;
  const proto::Job& job_;
  int slices_;
  std::int64_t steps_per_epoch_;
  std::int64_t total_steps_;
  double plateau_scale_ = 1;
  Network::FinalFrom final_from_;
  std::vector<double> own_squares_;
  std::span<double> squares_;  // of the gradient's blocks, shared where memory is; empty: no clipping
  Status load_status_;
  std::vector<std::int64_t> bad_rows_;
};

}  // namespace lockstep
