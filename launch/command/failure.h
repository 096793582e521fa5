// How a program says that it failed: in words on standard error; or, when --json is among its arguments, as the last
// line there, one object:
//   {"error":{"code":"INVALID_ARGUMENT","exit_code":2,"message":"...","faults":[{"field":"...","description":"..."}]}}
// "code" is that of the status, as gRPC names it; "faults" is there when the fields that are wrong are known one by
// one. Standard output holds no half of an answer then. Threads: one thread.
#pragma once

#include <string_view>

#include "storage/base/status.h"

namespace lockstep {

// Looks for --json among the arguments; before it, failures are told in words. run_program (program.h) calls it.
void set_failure_format(int argc, const char* const* argv);
bool failures_are_json();

// Says what is wrong, unless nothing is. Returns the exit code: that of the status, or `code`. `program`: "lockstep
// eval".
int report_failure(std::string_view program, const Status& status, int code);
int report_failure(std::string_view program, const Status& status);

}  // namespace lockstep
