// The state as clients see it. No secrets.
#pragma once

#include "coordinator/sweep/state.h"
#include "proto/coordinator.pb.h"

namespace lockstep {

struct ViewOptions {
  std::string state_directory;  // in front of paths
  int cores = 0;                // of the machine
  std::int64_t now_ms = 0;
  bool with_spec = false;
  std::string holding = {};  // why nothing is started; empty: there is no reason
};

proto::SweepView view(const Sweep& sweep, const ViewOptions& options);
proto::TrialView view(const Sweep& sweep, const Trial& trial, const ViewOptions& options);
proto::CheckpointsReply checkpoints(const Sweep& sweep, const ViewOptions& options);

// The event without secrets.
proto::Event public_event(proto::Event event);

}  // namespace lockstep
