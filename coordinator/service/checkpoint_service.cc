#include "coordinator/service/services.h"
#include "coordinator/sweep/retention.h"

namespace lockstep {

grpc::Status CheckpointServiceImpl::ListCheckpoints(grpc::ServerContext* context,
                                                    const proto::CheckpointsRequest* request,
                                                    proto::CheckpointsReply* reply) {
  return answer<proto::CheckpointsReply>(*context, token_, reply, [&] {
    const ViewOptions options = coordinator_.view_options();
    return ask_of_sweep<proto::CheckpointsReply>(coordinator_, request->sweep(),
                                                 [&](const Sweep& sweep) { return checkpoints(sweep, options); });
  });
}

grpc::Status CheckpointServiceImpl::Pin(grpc::ServerContext* context, const proto::PinRequest* request,
                                        proto::PinReply* reply) {
  return answer<proto::PinReply>(*context, token_, reply, [&] {
    const auto work = [&](Coordinator::Desk& desk) -> Status {
      ASSIGN_OR_RETURN(desk.commit.events, pin(desk.state, *request));
      return OkStatus();
    };
    return coordinator_.ask<proto::PinReply>(work, [](const State&) { return proto::PinReply(); });
  });
}

grpc::Status CheckpointServiceImpl::Collect(grpc::ServerContext* context, const proto::CollectRequest* request,
                                            proto::CheckpointsReply* reply) {
  return answer<proto::CheckpointsReply>(*context, token_, reply, [&] {
    const ViewOptions options = coordinator_.view_options();
    auto found = std::make_shared<proto::CheckpointsReply>();
    const auto work = [&, found](Coordinator::Desk& desk) -> Status {
      ASSIGN_OR_RETURN(const Sweep* const sweep, find_sweep(desk.state, request->sweep()));
      *found = checkpoints(*sweep, options);
      if (!request->dry_run()) desk.commit.events = deletions(*sweep, retention(*sweep));
      return OkStatus();
    };
    return coordinator_.ask<proto::CheckpointsReply>(work, [found](const State&) { return *found; });
  });
}

}  // namespace lockstep
