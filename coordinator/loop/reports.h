// Calls of trainers, at the loop's desk.
// Errors: kPermissionDenied when it is not the attempt that runs. Threads: the loop's.
#pragma once

#include "coordinator/loop/coordinator.h"

namespace lockstep {

Status take_attach(Coordinator::Desk& desk, const proto::AttachRequest& request);

// One whose number is not above the last of its attempt is a sign of life, and changes nothing.
Status take_report(Coordinator::Desk& desk, const proto::ReportRequest& request);

}  // namespace lockstep
