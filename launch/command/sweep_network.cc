#include "launch/command/sweep_network.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "coordinator/sweep/resolved_jobs.h"
#include "coordinator/sweep/submission.h"
#include "launch/command/other_program.h"
#include "launch/command/program.h"

namespace lockstep {
namespace {

using Json = nlohmann::json;
using Found = std::set<std::pair<std::string, std::string>>;  // field, description

// What networks, and whether loss and metrics fit the data, depend on; the rest of a job makes no other one.
proto::Job network_of(const proto::Job& job) {
  proto::Job network;
  *network.mutable_model() = job.model();
  *network.mutable_parameters() = job.parameters();
  proto::Loss& loss = *network.mutable_loss();
  loss = job.loss();
  loss.clear_label_smoothing();
  if (loss.has_huber()) loss.mutable_huber()->clear_delta();
  if (loss.has_pixel_cross_entropy()) loss.mutable_pixel_cross_entropy()->clear_dice_weight();
  *network.mutable_evaluate() = job.evaluate();
  *network.mutable_data() = job.data();
  network.mutable_data()->clear_augmentation();
  network.mutable_data()->clear_test();
  network.mutable_data()->clear_validation();
  network.set_batch(job.batch());
  network.set_slices(job.slices());
  network.mutable_execution()->set_precision(job.execution().precision());
  return network;
}

class Networks {
 public:
  // What is wrong with the network of a job; nothing when that is not known.
  Found faults_of(const proto::Job& job) {
    const std::string key = network_of(job).SerializeAsString();
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    if (!unknown_.empty()) return {};
    if (known_.size() == kMostNetworks) {
      unknown_ = fmt::format("only the first {} networks of its trials were looked at", kMostNetworks);
      return {};
    }
    StatusOr<Found> found = ask(job);
    if (!found.ok()) {
      unknown_ =
          fmt::format("whether its networks can be built is not known: {}", std::string(found.status().message()));
      return {};
    }
    return known_.emplace(key, *std::move(found)).first->second;
  }

  // Why not all is known; empty: it is.
  const std::string& unknown() const { return unknown_; }

 private:
  static StatusOr<Found> ask(const proto::Job& job) {
    ASSIGN_OR_RETURN(const JobInMemory file, JobInMemory::write(job));
    ASSIGN_OR_RETURN(const Json printed,
                     printed_by({program_beside("lockstep-model").string(), "show", file.path().string(), "--json"}));
    Found found;
    if (!printed.contains("error")) return found;
    const Json& error = printed["error"];
    for (const Json& fault : error.value("faults", Json::array())) {
      const std::string field = fault.value("field", "");
      const bool is_network = field.starts_with("model") || field.starts_with("parameters");
      if (is_network || field.starts_with("loss") || field.starts_with("evaluate"))
        found.emplace(field, fault.value("description", ""));
    }
    if (found.empty()) return io_error(error.value("message", ""));
    return found;
  }

  std::map<std::string, Found> known_;
  std::string unknown_;
};

}  // namespace

Status check_networks(const SweepFile& file) {
  proto::SweepSpec spec = file.spec;
  Faults others;
  complete_and_check(spec, {.cores = std::numeric_limits<int>::max(), .root = "/"}, others);
  if (!others.empty()) return OkStatus();
  Networks networks;
  std::optional<Found> always;  // in each trial: of the job itself
  const JobRule note = [&](const proto::Job& job, Faults&) {
    const Found found = networks.faults_of(job);
    if (!always.has_value()) {
      always = found;
    } else {
      std::erase_if(*always, [&](const auto& fault) { return !found.contains(fault); });
    }
  };
  Faults ignored;
  check_resolved_jobs(spec, note, ignored);
  Faults faults = file.faults;
  if (always.has_value()) {
    for (const auto& [field, description] : *always) faults.add("job." + field, description);
  }
  const JobRule rule = [&](const proto::Job& job, Faults& of_job) {
    for (const auto& fault : networks.faults_of(job)) {
      if (!always->contains(fault)) of_job.add(fault.first, fault.second);
    }
  };
  check_resolved_jobs(spec, rule, faults);
  if (!networks.unknown().empty()) print_error(fmt::format("lockstep sweep: {}", networks.unknown()));
  return faults.status(file.file);
}

}  // namespace lockstep
