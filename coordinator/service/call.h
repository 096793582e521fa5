// What every call has in common: who asks, and how an error is told.
#pragma once

#include <string>

#include <grpcpp/grpcpp.h>

#include "coordinator/service/token.h"
#include "storage/base/status.h"

namespace lockstep {

// The codes of absl and gRPC are the same numbers. Payloads of a Status go as details (proto/error.proto); a message of
// more than 128 KiB is cut, and details of more than 256 KiB are left out.
grpc::Status to_grpc(const Status& status);
Status from_grpc(const grpc::Status& status);

// kUnauthenticated unless the call carries the token.
Status admit(const grpc::ServerContext& context, const std::string& token);

// Puts the reply in, or tells the error.
template <typename Reply>
grpc::Status finish(StatusOr<Reply> reply, Reply* out) {
  if (!reply.ok()) return to_grpc(reply.status());
  *out = *std::move(reply);
  return grpc::Status::OK;
}

}  // namespace lockstep
