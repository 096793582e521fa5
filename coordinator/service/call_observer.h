// Sees every call of our services when it is answered.
#pragma once

#include <memory>

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include "coordinator/service/server.h"

namespace lockstep {

// Requires: on_call.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> call_observer(OnCall on_call);

}  // namespace lockstep
