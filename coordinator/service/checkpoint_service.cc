#include "coordinator/service/services.h"
#include "coordinator/sweep/retention.h"

namespace lockstep {

grpc::Status CheckpointServiceImpl::ListCheckpoints(grpc::ServerContext* context,
                                                    const proto::CheckpointsRequest* request,
                                                    proto::CheckpointsReply* reply) {
  if (const Status status = admit(*context, token_); !status.ok()) return to_grpc(status);
  const ViewOptions options = coordinator_.view_options();
  return finish(coordinator_.ask<proto::CheckpointsReply>(
                    [&](Coordinator::Desk& desk) { return find_sweep(desk.state, request->sweep()).status(); },
                    [&](const State& state) { return checkpoints(*state.find(request->sweep()), options); }),
                reply);
}

grpc::Status CheckpointServiceImpl::Pin(grpc::ServerContext* context, const proto::PinRequest* request,
                                        proto::PinReply* reply) {
  if (const Status status = admit(*context, token_); !status.ok()) return to_grpc(status);
  const auto work = [&](Coordinator::Desk& desk) -> Status {
    ASSIGN_OR_RETURN(desk.commit.events, pin(desk.state, *request));
    return OkStatus();
  };
  return finish(coordinator_.ask<proto::PinReply>(work, [](const State&) { return proto::PinReply(); }), reply);
}

grpc::Status CheckpointServiceImpl::Collect(grpc::ServerContext* context, const proto::CollectRequest* request,
                                            proto::CheckpointsReply* reply) {
  if (const Status status = admit(*context, token_); !status.ok()) return to_grpc(status);
  const ViewOptions options = coordinator_.view_options();
  auto found = std::make_shared<proto::CheckpointsReply>();
  const auto work = [&, found](Coordinator::Desk& desk) -> Status {
    ASSIGN_OR_RETURN(const Sweep* const sweep, find_sweep(desk.state, request->sweep()));
    *found = checkpoints(*sweep, options);
    if (!request->dry_run()) desk.commit.events = deletions(*sweep, retention(*sweep));
    return OkStatus();
  };
  return finish(coordinator_.ask<proto::CheckpointsReply>(work, [found](const State&) { return *found; }), reply);
}

}  // namespace lockstep
