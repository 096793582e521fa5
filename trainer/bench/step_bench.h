// How fast the training step is: the real one, on synthetic rows, and where its time goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "trainer/bench/machine_peaks.h"
#include "trainer/comm/communicator.h"
#include "trainer/loop/training_job.h"
#include "trainer/nn/network/network.h"

namespace lockstep {

struct StepBenchOptions {
  ImageShape image;
  int classes = 0;
  int warm_up_steps = 3;
  int steps = 20;
};

// Times are in seconds a step, of rank 0; sizes the largest over ranks.
struct StepBenchResult {
  proto::Job job;  // resolved: with the plan
  int ranks = 1;
  std::vector<double> step_seconds;  // of each measured step
  double mean_seconds = 0;
  double images_per_second = 0;
  double flops = 0;                     // a step of all ranks, by the direct algorithm
  MachinePeaks peaks;                   // sums over ranks
  std::vector<StepTime> kernels;        // runs and seconds a step
  double data_seconds = 0;              // waiting for rows
  double compute_seconds = 0;           // forward and backward, with the sums over this rank's slices
  double waiting_seconds = 0;           // for the slowest rank, where that can be told from the reduction
  double reduction_seconds = 0;         // after the last slice
  double hidden_reduction_seconds = 0;  // behind its backward pass
  double update_seconds = 0;
  std::string reduction;
  std::string cores;  // that the ranks may use
  std::size_t network_bytes = 0;
  std::int64_t resident_bytes = 0;  // the peak
  double page_faults = 0;           // a step

  double flops_per_second() const { return flops / mean_seconds; }
  // Of the peak of the job's precision.
  double share_of_peak() const;
};

// The job has no data: its rows are made up. Collective; every rank returns the same status, the result counts on rank
// 0. Errors: bad_configuration with all faults.
StatusOr<StepBenchResult> bench_step(Communicator& communicator, JobDraft draft, const StepBenchOptions& options);

}  // namespace lockstep
