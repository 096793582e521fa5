#include "coordinator/service/call.h"

#include "proto/error.pb.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostErrorBytes = 128 << 10;  // of a message; its details have twice as many

Status admit(const grpc::ServerContext& context, const std::string& token) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  constexpr std::string_view kScheme = "Bearer ";
  if (found != metadata.end()) {
    const std::string_view given(found->second.data(), found->second.size());
    if (given.starts_with(kScheme) && same_secret(given.substr(kScheme.size()), token)) return OkStatus();
  }
  return absl::UnauthenticatedError(
      "the call does not carry this coordinator's token (its state directory's file `token`)");
}

}  // namespace

grpc::Status to_grpc(const Status& status) {
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message(status.message().substr(0, kMostErrorBytes));
  proto::ErrorDetails details;
  status.ForEachPayload([&](absl::string_view name, const absl::Cord& payload) {
    google::protobuf::Any& it = *details.add_details();
    it.set_type_url(std::string(name));
    it.set_value(std::string(payload));
  });
  details.set_code(code);
  details.set_message(message);
  if (details.details().empty() || details.ByteSizeLong() > 2 * kMostErrorBytes) return {code, message};
  return {code, message, details.SerializeAsString()};
}

Status from_grpc(const grpc::Status& status) {
  Status made(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  proto::ErrorDetails details;
  if (!details.ParseFromString(status.error_details())) return made;
  for (const google::protobuf::Any& it : details.details()) made.SetPayload(it.type_url(), absl::Cord(it.value()));
  return made;
}

grpc::Status answer(const grpc::ServerContext& context, const std::string& token, const std::function<Status()>& work) {
  const Status admitted = admit(context, token);
  return to_grpc(admitted.ok() ? work() : admitted);
}

}  // namespace lockstep
