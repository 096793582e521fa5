#include "launch/command/sweep_cost.h"

#include <cerrno>
#include <filesystem>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "coordinator/execute/command_output.h"
#include "launch/command/other_program.h"
#include "storage/task/chosen_by.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

StatusOr<std::vector<std::string>> launcher(const proto::SweepSpec& spec) {
  std::vector<std::string> words;
  if (spec.ranks() == 1) return words;
  std::error_code error;
  const fs::path folder = fs::temp_directory_path(error);  // of mpirun's sockets
  if (!error && ::access(folder.c_str(), W_OK) != 0) error.assign(errno, std::generic_category());
  if (error) {
    return io_error(
        fmt::format("no folder for temporary files: {}; set TMPDIR to one that can be written", error.message()));
  }
  const std::string ranks = std::to_string(spec.ranks());
  const std::string threads = std::to_string(spec.job().execution().threads_per_rank());
  ASSIGN_OR_RETURN(const std::string flags,
                   command_output({program_beside("lockstep-mpirun-flags").string(), "--unbound", ranks, threads}));
  words.emplace_back("mpirun");
  std::istringstream text(flags);
  for (std::string flag; text >> flag;) words.push_back(flag);
  words.insert(words.end(), {"-n", ranks});
  return words;
}

StatusOr<Json> bench(const proto::SweepSpec& spec) {
  ASSIGN_OR_RETURN(const JobInMemory job, JobInMemory::write(spec.job()));
  ASSIGN_OR_RETURN(std::vector<std::string> command, launcher(spec));
  command.insert(command.end(), {program_beside("lockstep-bench").string(), "--model", job.path().string(), "--json"});
  const StatusOr<Json> answer = answer_of(std::move(command));
  if (answer.ok()) return answer;
  std::string message(answer.status().message());
  const std::string path = job.path().string();  // which says nothing to anybody
  for (std::size_t at = 0; (at = message.find(path, at)) != std::string::npos;) message.replace(at, path.size(), "it");
  return io_error(message);
}

StatusOr<double> rows_of(const Json& info, const std::string& split) {
  for (const Json& it : info.at("splits")) {
    if (it.at("name") == split) return it.at("rows").get<double>();
  }
  return io_error(fmt::format("the data has no group {}", split));
}

double share_held_out(const proto::Data& data) {
  if (!data.has_hold_out()) return 0;
  const HeldOut held = held_out(data.hold_out());
  return held.fold > 0 ? 1.0 / held.of : held.share;
}

}  // namespace

StatusOr<double> measure_epoch_seconds(const proto::SweepSpec& spec) {
  const StatusOr<Json> step = bench(spec);
  if (!step.ok()) return with_context(step.status(), "lockstep bench of the base job");
  proto::Data data = spec.job().data();
  name_validation(data);
  const StatusOr<Json> info = answer_of({program_beside("lockstep-data").string(), "info", data.path(), "--json"});
  if (!info.ok()) return with_context(info.status(), "lockstep data info");
  ASSIGN_OR_RETURN(double training_rows, rows_of(*info, data.train()));
  double evaluated_rows = training_rows * share_held_out(data);
  training_rows -= evaluated_rows;
  if (!data.has_hold_out()) {
    ASSIGN_OR_RETURN(evaluated_rows, rows_of(*info, data.validation()));
  }
  double forward_seconds = 0;  // of a step; an evaluation is little else
  for (const Json& kernel : step->at("kernels")) {
    if (kernel.at("pass") == "forward") forward_seconds += kernel.at("seconds").get<double>();
  }
  const double step_seconds = step->at("median_step_seconds");
  return (training_rows * step_seconds + evaluated_rows * forward_seconds) / step->at("batch").get<double>();
}

}  // namespace lockstep
