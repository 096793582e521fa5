// What every call has in common: who asks, and how an error is told.
#pragma once

#include <functional>
#include <string>

#include <grpcpp/grpcpp.h>

#include "coordinator/service/token.h"
#include "storage/base/status.h"

namespace lockstep {

// The codes of absl and gRPC are the same numbers. Payloads of a Status go as details (proto/error.proto); a message of
// more than 128 KiB is cut, and details of more than 256 KiB are left out.
grpc::Status to_grpc(const Status& status);
Status from_grpc(const grpc::Status& status);

// A call of ours: `work` is done when the call carries the token, else it is kUnauthenticated.
grpc::Status answer(const grpc::ServerContext& context, const std::string& token, const std::function<Status()>& work);

// The same with a reply, which is put in unless there is an error to tell.
template <typename Reply>
grpc::Status answer(const grpc::ServerContext& context, const std::string& token, Reply* reply,
                    const std::function<StatusOr<Reply>()>& work) {
  return answer(context, token, [&]() -> Status {
    ASSIGN_OR_RETURN(*reply, work());
    return OkStatus();
  });
}

}  // namespace lockstep
