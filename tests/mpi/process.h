// Programs started by tests, with a limit on their time.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace lockstep {

struct Outcome {
  bool timed_out = false;  // it was still running and was killed
  int exit_code = 0;       // 128 + signal when it died of one
  std::string output;      // both streams
};

// Runs arguments[0] (found on the PATH) until it ends. After `limit` it gets SIGTERM, five seconds later SIGKILL.
// Returns when it has ended and no process holds its output any more.
Outcome run_process(const std::vector<std::string>& arguments, std::chrono::seconds limit);

}  // namespace lockstep
