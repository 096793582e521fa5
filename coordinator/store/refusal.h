// What a store answers to a commit that it does not take; the same words from both stores.
// Threads: any.
#pragma once

#include "coordinator/store/store.h"

namespace lockstep {

inline Status fence_broken(const ReportFence& fence) {
  return absl::AbortedError(fmt::format(
      "sweep {}, trial {}, attempt {}, report {}: the attempt is not the one that runs, its token is another "
      "one, or the report is an old one",
      fence.sweep, fence.trial, fence.attempt, fence.seq));
}

inline Status request_known(const StoredRequest& request) {
  return absl::AlreadyExistsError(fmt::format("there is a request \"{}\" already", request.id));
}

}  // namespace lockstep
