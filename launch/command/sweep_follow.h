// The verbs of `lockstep sweep` that go on while something happens.
// Errors: those of the client; kUnavailable when the coordinator has been away for five minutes.
#pragma once

#include <string>

#include "coordinator/service/client.h"

namespace lockstep {

// Until the sweep ends. On a terminal a table that is drawn anew; otherwise, and as JSON, every event from the first, a
// line each. It goes on behind the last event it has seen when the coordinator was away.
Status watch_sweep(Client& client, const std::string& sweep, bool json);

// The output of the trial's newest attempt; with `follow` what comes, also of further attempts, until the trial ends.
Status print_logs(Client& client, const std::string& sweep, int trial, bool follow);

}  // namespace lockstep
