// What every call has in common: who asks, and how an error is told.
#pragma once

#include <string>

#include <grpcpp/grpcpp.h>

#include "coordinator/service/token.h"
#include "storage/base/status.h"

namespace lockstep {

// The codes of absl and gRPC are the same numbers.
inline grpc::Status to_grpc(const Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

inline Status from_grpc(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

// kUnauthenticated unless the call carries the token.
inline Status admit(const grpc::ServerContext& context, const std::string& token) {
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

// Puts the reply in, or tells the error.
template <typename Reply>
grpc::Status finish(StatusOr<Reply> reply, Reply* out) {
  if (!reply.ok()) return to_grpc(reply.status());
  *out = *std::move(reply);
  return grpc::Status::OK;
}

}  // namespace lockstep
