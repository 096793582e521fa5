#include "launch/command/failure.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "launch/command/json_dump.h"
#include "launch/command/program.h"
#include "proto/error.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

bool as_json = false;

Json faults_of(const Status& status) {
  Json faults = Json::array();
  const auto payload = status.GetPayload({kFaultsPayload.data(), kFaultsPayload.size()});
  proto::BadRequest details;
  if (!payload || !details.ParseFromString(std::string(*payload))) return faults;
  for (const proto::FieldViolation& it : details.field_violations()) {
    faults.push_back({{"field", it.field()}, {"description", it.description()}});
  }
  return faults;
}

}  // namespace

void set_failure_format(int argc, const char* const* argv) {
  as_json = std::any_of(argv, argv + argc, [](std::string_view argument) { return argument == "--json"; });
}

bool failures_are_json() {
  return as_json;
}

int report_failure(std::string_view program, const Status& status, int code) {
  if (status.ok()) return code;
  const std::string message(status.message());
  if (!as_json) {
    print_error(fmt::format("{}: {}", program, message));
    return code;
  }
  Json error = {{"code", absl::StatusCodeToString(status.code())}, {"exit_code", code}, {"message", message}};
  if (Json faults = faults_of(status); !faults.empty()) error["faults"] = std::move(faults);
  std::fflush(stdout);
  print_error(json_dump({{"error", std::move(error)}}));
  return code;
}

int report_failure(std::string_view program, const Status& status) {
  return report_failure(program, status, exit_code(status));
}

}  // namespace lockstep
