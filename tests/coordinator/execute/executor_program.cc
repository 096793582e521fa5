// executor_program SHIM DIRECTORY: ensures the attempt whose attempt.pbtxt was saved as DIRECTORY/wanted.pbtxt, as
// number 1 of trial 0 of "sweep", and prints its end.
#include <future>

#include <fmt/format.h>

#include "coordinator/execute/local_executor.h"
#include "storage/base/text_proto.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  lockstep::proto::AttemptFile attempt;
  lockstep::Faults faults;
  const std::filesystem::path directory = argv[2];
  if (!lockstep::read_text_proto(directory / "wanted.pbtxt", attempt, faults).ok()) return 2;
  std::promise<lockstep::Ended> end;
  const auto executor = lockstep::make_local_executor(
      {.shim = argv[1], .on_ended = [&](const lockstep::Ended& ended) { end.set_value(ended); }, .cores = {}});
  executor->ensure({"sweep", 0, 1}, directory, attempt);
  const lockstep::Ended ended = end.get_future().get();
  fmt::print("{} {}\n", lockstep::proto::AttemptEnd_Name(ended.end), ended.exit_code);
  return 0;
}
