// Whether a host can hold a training with all its ranks, before any of them takes the memory.
#pragma once

#include <filesystem>
#include <limits>
#include <string>

#include "proto/job.pb.h"
#include "storage/dataset/dataset.h"
#include "trainer/comm/communicator.h"
#include "trainer/nn/network/network.h"

namespace lockstep {

// Bytes that there are.
struct HostMemory {
  double bytes = 0;                                                // for all ranks of the host
  std::string of;                                                  // whose they are, as "the memory of this machine"
  double process_bytes = std::numeric_limits<double>::infinity();  // for one process yet (ulimit -v)
};

// The least of the machine's memory and what its control groups allow. `root` stands for "/", for tests.
HostMemory host_memory(const std::filesystem::path& root = "/");

// Bytes that are needed.
struct MemoryNeed {
  int ranks = 1;  // of the host; each needs:
  double network = 0;
  double parameters = 0;
  double gradients = 0;
  double optimizer = 0;
  double rows = 0;
  // And the one that writes checkpoints, while it writes or reads one.
  double checkpoint = 0;

  double of_a_rank() const { return network + parameters + gradients + optimizer + rows; }
  double of_the_host() const { return ranks * of_a_rank() + checkpoint; }
};

// Of a training. The state of optimizers counts whole on every rank: a checkpoint is compared on all of them.
MemoryNeed memory_need(const Communicator& communicator, const proto::Job& job, const ImageShape& image,
                       const NetworkSizes& sizes);

// Why the host cannot hold it, in figures, and what to do; empty when it can.
std::string too_much(const MemoryNeed& need, const HostMemory& host);

// Whether there is room for what ranks of a host share. OK where they share nothing. Errors: machine_cannot.
Status check_shared_memory(const Communicator& communicator, const proto::Job& job, const NetworkSizes& sizes);

}  // namespace lockstep
