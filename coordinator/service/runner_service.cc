#include "coordinator/loop/reports.h"
#include "coordinator/service/services.h"
#include "coordinator/sweep/attempts.h"

namespace lockstep {
namespace {

// With each answer to a trainer: who gives it. See EndpointFile in proto/attempt.proto.
constexpr const char* kInstance = "lockstep-instance";

grpc::Status tell(StatusOr<proto::ReportReply> answer, proto::ReportReply* reply) {
  if (!answer.ok()) return to_grpc(answer.status());
  *reply = *std::move(answer);
  return grpc::Status::OK;
}

}  // namespace

grpc::Status RunnerServiceImpl::Attach(grpc::ServerContext* context, const proto::AttachRequest* request,
                                       proto::ReportReply* reply) {
  context->AddTrailingMetadata(kInstance, instance_);
  return tell(
      coordinator_.ask<proto::ReportReply>([&](Coordinator::Desk& desk) { return take_attach(desk, *request); },
                                           [&](const State& state) { return directive(state, request->attempt()); }),
      reply);
}

grpc::Status RunnerServiceImpl::Report(grpc::ServerContext* context, const proto::ReportRequest* request,
                                       proto::ReportReply* reply) {
  context->AddTrailingMetadata(kInstance, instance_);
  return tell(
      coordinator_.ask<proto::ReportReply>([&](Coordinator::Desk& desk) { return take_report(desk, *request); },
                                           [&](const State& state) { return directive(state, request->attempt()); }),
      reply);
}

}  // namespace lockstep
