// What attempts tell, and how they end, as events. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "coordinator/sweep/commands.h"

namespace lockstep {

// The trial's live attempt, if that is who reports. Errors: kPermissionDenied when it is not: an attempt that was
// replaced or has ended, or a wrong secret.
StatusOr<const Trial*> reporting_trial(const State& state, const proto::AttemptId& id);

StatusOr<Events> attach(const State& state, const proto::AttemptId& id);

// Evaluations that are known already are passed over, as are epochs that the job does not have. Each new one is judged
// by the scheduler. One that was passed over by a later one is lost: it counts as one that is no number.
StatusOr<Events> report(const State& state, const proto::ReportRequest& request);

// What the attempt is to do now, which may have ended since it reported. Errors: kPermissionDenied when its trial is
// gone.
StatusOr<proto::ReportReply> directive(const State& state, const proto::AttemptId& id);

struct AttemptResult {
  std::string sweep;
  int trial = 0;
  int attempt = 0;
  proto::AttemptEnd end = proto::EXITED;
  int exit_code = 0;
  std::string message;
  std::optional<double> seconds = {};  // how long it ran, where that is known
  // All that the trial's metrics file holds: what did not come as a report is taken from here. A gap is waited for,
  // unless the attempt ended well.
  std::vector<proto::EvalMetric> evaluations;
  std::vector<proto::CheckpointNote> checkpoints;
};

// None when the attempt has ended already.
Events attempt_ended(const State& state, const AttemptResult& result, std::int64_t now_ms);

}  // namespace lockstep
