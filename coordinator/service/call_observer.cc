#include "coordinator/service/call_observer.h"

#include <chrono>

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;
using grpc::experimental::InterceptionHookPoints;

class CallObserver final : public grpc::experimental::Interceptor {
 public:
  CallObserver(const OnCall& on_call, const char* method) : on_call_(on_call), method_(method) {}
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const auto code = static_cast<absl::StatusCode>(methods->GetSendStatus().error_code());
      on_call_(code == absl::StatusCode::kUnimplemented ? "unknown" : method_, absl::StatusCodeToString(code),
               std::chrono::duration<double>(Clock::now() - began_).count());
    }
    methods->Proceed();
  }

 private:
  const OnCall& on_call_;
  const char* const method_;
  const Clock::time_point began_ = Clock::now();
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(OnCall on_call) : on_call_(std::move(on_call)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* call) override {
    return new CallObserver(on_call_, call->method());  // gRPC deletes it
  }

 private:
  const OnCall on_call_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> call_observer(OnCall on_call) {
  return std::make_unique<Factory>(std::move(on_call));
}

}  // namespace lockstep
