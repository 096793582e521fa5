#include "coordinator/service/services.h"
#include "coordinator/sweep/attempts.h"

namespace lockstep {
namespace {

AttemptKey key_of(const proto::AttemptId& id) {
  return {id.sweep(), id.trial(), id.attempt()};
}

std::vector<MetricPoint> points_of(const proto::ReportRequest& request) {
  std::vector<MetricPoint> points;
  for (const proto::TrainMetric& it : request.train()) {
    points.push_back({.sweep = request.attempt().sweep(),
                      .trial = request.attempt().trial(),
                      .attempt = request.attempt().attempt(),
                      .step = it.step(),
                      .loss = it.loss(),
                      .accuracy = it.accuracy(),
                      .learning_rate = it.learning_rate(),
                      .images_per_second = it.images_per_second()});
  }
  return points;
}

}  // namespace

grpc::Status RunnerServiceImpl::Attach(grpc::ServerContext* context, const proto::AttachRequest* request,
                                       proto::ReportReply* reply) {
  if (const Status status = admit(*context, token_); !status.ok()) return to_grpc(status);
  const auto work = [&](Coordinator::Desk& desk) -> Status {
    ASSIGN_OR_RETURN(desk.commit.events, attach(desk.state, request->attempt()));
    desk.heard = key_of(request->attempt());
    return OkStatus();
  };
  return finish(coordinator_.ask<proto::ReportReply>(
                    work, [&](const State& state) { return directive(state, request->attempt()); }),
                reply);
}

grpc::Status RunnerServiceImpl::Report(grpc::ServerContext* context, const proto::ReportRequest* request,
                                       proto::ReportReply* reply) {
  if (const Status status = admit(*context, token_); !status.ok()) return to_grpc(status);
  const auto work = [&](Coordinator::Desk& desk) -> Status {
    const proto::AttemptId& id = request->attempt();
    ASSIGN_OR_RETURN(desk.commit.events, report(desk.state, *request));
    desk.heard = key_of(id);
    desk.commit.points = points_of(*request);
    if (desk.commit.events.empty() && desk.commit.points.empty()) return OkStatus();  // only says that it is alive
    desk.commit.fence = {
        .sweep = id.sweep(), .trial = id.trial(), .attempt = id.attempt(), .token = id.token(), .seq = request->seq()};
    return OkStatus();
  };
  return finish(coordinator_.ask<proto::ReportReply>(
                    work, [&](const State& state) { return directive(state, request->attempt()); }),
                reply);
}

}  // namespace lockstep
