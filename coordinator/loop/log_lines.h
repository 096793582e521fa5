// Events and attempts as lines of the log, for programs that read it.
// Threads: any.
#pragma once

#include "coordinator/execute/executor.h"
#include "proto/event.pb.h"
#include "storage/base/log.h"

namespace lockstep {

LogFields fields_of(const AttemptKey& key);

// A line with the kind of the event as its message, and its revision, sweep and all simple fields of its kind: numbers,
// names, reasons. No secrets.
void log_event(const proto::Event& event);

}  // namespace lockstep
