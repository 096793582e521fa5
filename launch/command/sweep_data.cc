#include "launch/command/sweep_data.h"

#include <map>
#include <set>
#include <string>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "coordinator/sweep/trial_data.h"
#include "launch/command/other_program.h"
#include "launch/command/program.h"
#include "storage/base/text_proto.h"
#include "storage/task/chosen_by.h"

namespace lockstep {
namespace {

using Json = nlohmann::json;

// Rows of each split of a dataset file.
StatusOr<std::map<std::string, std::int64_t>> rows_of_splits(const std::string& path) {
  const std::string program = program_beside("lockstep-data").string();
  ASSIGN_OR_RETURN(const Json json, answer_of({program, "info", path, "--json"}));
  std::map<std::string, std::int64_t> rows;
  if (!json.contains("splits")) return io_error("the answer is no JSON object with `splits`");
  for (const Json& split : json["splits"]) rows[split.value("name", "")] = split.value("rows", std::int64_t{0});
  return rows;
}

// A sweep chooses, and what is chosen by the test split looks better on it than it is.
std::string fault_of(const proto::Data& data, const std::map<std::string, std::int64_t>& rows) {
  const auto found = rows.find(data.validation());
  const bool has_validation = found != rows.end() && found->second > 0;
  if (has_validation && data.has_hold_out()) {
    return fmt::format("holds rows out, and {} has a split `{}` to choose by; leave hold_out out", data.path(),
                       data.validation());
  }
  if (has_validation || data.has_hold_out()) return "";
  std::set<std::string> names;
  for (const auto& [name, count] : rows) names.insert(name);
  const std::string what = fmt::format("{} has {} `{}`", data.path(),
                                       found == rows.end() ? "no split" : "no rows in split", data.validation());
  const std::string_view why = rows.contains(data.test())
                                   ? "and a network that is chosen by the test split looks better on it than it is"
                                   : "so no trial would ever be evaluated and the objective have no value";
  return fmt::format("{}, {}; its splits: {}; {}", what, why, fmt::join(names, ", "), kHoldOutAdvice);
}

}  // namespace

Status check_evaluated_split(const proto::SweepSpec& spec) {
  Faults faults;
  std::map<std::string, StatusOr<std::map<std::string, std::int64_t>>> looked_at;  // a file once
  for (proto::Data data : trial_data(spec)) {
    name_validation(data);
    if (!looked_at.contains(data.path())) {
      const auto place = looked_at.emplace(data.path(), rows_of_splits(data.path())).first;
      if (!place->second.ok()) {
        print_error(fmt::format("lockstep sweep: {}: whether it can be evaluated is not known: {}", data.path(),
                                std::string(place->second.status().message())));
      }
    }
    const auto& rows = looked_at.at(data.path());
    if (!rows.ok()) continue;
    const std::string fault = fault_of(data, *rows);
    if (!fault.empty()) faults.add(data.has_hold_out() ? "job.data.hold_out" : "job.data.validation", fault);
  }
  return faults.status("sweep");
}

}  // namespace lockstep
