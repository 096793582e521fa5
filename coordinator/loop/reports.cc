#include "coordinator/loop/reports.h"

#include <vector>

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

Status take_attach(Coordinator::Desk& desk, const proto::AttachRequest& request) {
  ASSIGN_OR_RETURN(desk.commit.events, attach(desk.state, request.attempt()));
  desk.heard = {.key = key_of(request.attempt()), .seq = 0};
  return OkStatus();
}

Status take_report(Coordinator::Desk& desk, const proto::ReportRequest& request) {
  const proto::AttemptId& id = request.attempt();
  RETURN_IF_ERROR(reporting_trial(desk.state, id).status());
  desk.heard = {.key = key_of(id), .seq = request.seq()};
  const auto last = desk.last_seqs.find(key_of(id));
  if (request.seq() <= (last == desk.last_seqs.end() ? 0 : last->second)) return OkStatus();
  ASSIGN_OR_RETURN(desk.commit.events, report(desk.state, request));
  desk.commit.points = points_of(request);
  if (desk.commit.events.empty() && desk.commit.points.empty()) return OkStatus();  // only says that it is alive
  desk.commit.fence = {
      .sweep = id.sweep(), .trial = id.trial(), .attempt = id.attempt(), .token = id.token(), .seq = request.seq()};
  return OkStatus();
}

}  // namespace lockstep
