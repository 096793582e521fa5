#include "coordinator/loop/reports.h"
#include "coordinator/service/services.h"
#include "coordinator/sweep/attempts.h"

namespace lockstep {

grpc::Status RunnerServiceImpl::Attach(grpc::ServerContext* context, const proto::AttachRequest* request,
                                       proto::ReportReply* reply) {
  return answer<proto::ReportReply>(*context, token_, reply, [&] {
    return coordinator_.ask<proto::ReportReply>(
        [&](Coordinator::Desk& desk) { return take_attach(desk, *request); },
        [&](const State& state) { return directive(state, request->attempt()); });
  });
}

grpc::Status RunnerServiceImpl::Report(grpc::ServerContext* context, const proto::ReportRequest* request,
                                       proto::ReportReply* reply) {
  return answer<proto::ReportReply>(*context, token_, reply, [&] {
    return coordinator_.ask<proto::ReportReply>(
        [&](Coordinator::Desk& desk) { return take_report(desk, *request); },
        [&](const State& state) { return directive(state, request->attempt()); });
  });
}

}  // namespace lockstep
