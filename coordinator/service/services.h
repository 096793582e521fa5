// The services as gRPC wants them; server.cc puts them together.
#pragma once

#include <atomic>

#include "coordinator/loop/coordinator.h"
#include "coordinator/service/call.h"
#include "coordinator/sweep/commands.h"
#include "proto/coordinator.grpc.pb.h"

namespace lockstep {

// What `look` sees of a sweep; kNotFound when there is none, or no longer when it is to answer.
template <typename Reply>
StatusOr<Reply> ask_of_sweep(Coordinator& coordinator, const std::string& id,
                             const std::function<Reply(const Sweep&)>& look) {
  return coordinator.ask<Reply>([](Coordinator::Desk&) { return OkStatus(); },
                                [&](const State& state) -> StatusOr<Reply> {
                                  ASSIGN_OR_RETURN(const Sweep* const sweep, find_sweep(state, id));
                                  return look(*sweep);
                                });
}

class SweepServiceImpl final : public proto::SweepService::Service {
 public:
  SweepServiceImpl(Coordinator& coordinator, std::string token, int most_streams)
      : coordinator_(coordinator), token_(std::move(token)), most_streams_(most_streams) {}
  grpc::Status Submit(grpc::ServerContext*, const proto::SubmitRequest*, proto::SubmitReply*) override;
  grpc::Status Get(grpc::ServerContext*, const proto::GetRequest*, proto::SweepView*) override;
  grpc::Status List(grpc::ServerContext*, const proto::ListRequest*, proto::ListReply*) override;
  grpc::Status Trials(grpc::ServerContext*, const proto::TrialsRequest*, proto::TrialsReply*) override;
  grpc::Status Watch(grpc::ServerContext*, const proto::WatchRequest*, grpc::ServerWriter<proto::Event>*) override;
  grpc::Status Change(grpc::ServerContext*, const proto::ChangeRequest*, proto::SweepView*) override;
  grpc::Status Retry(grpc::ServerContext*, const proto::RetryRequest*, proto::SweepView*) override;
  grpc::Status Delete(grpc::ServerContext*, const proto::DeleteRequest*, proto::DeleteReply*) override;
  grpc::Status Plan(grpc::ServerContext*, const proto::PlanRequest*, proto::PlanReply*) override;

 private:
  StatusOr<proto::SubmitReply> submit_sweep(const proto::SubmitRequest& request);
  Status watch(const grpc::ServerContext& context, const proto::WatchRequest& request,
               grpc::ServerWriter<proto::Event>& writer);
  StatusOr<proto::PlanReply> plan_sweep(const proto::PlanRequest& request) const;
  StatusOr<proto::SweepView> change_sweep(const std::string& sweep,
                                          const std::function<StatusOr<Events>(const State&)>& decide);

  Coordinator& coordinator_;
  const std::string token_;
  const int most_streams_;
  std::atomic<int> streams_{0};
};

// A call of its carries the token of its attempt, which is all that a trainer has.
class RunnerServiceImpl final : public proto::RunnerService::Service {
 public:
  RunnerServiceImpl(Coordinator& coordinator, std::string instance)
      : coordinator_(coordinator), instance_(std::move(instance)) {}
  grpc::Status Attach(grpc::ServerContext*, const proto::AttachRequest*, proto::ReportReply*) override;
  grpc::Status Report(grpc::ServerContext*, const proto::ReportRequest*, proto::ReportReply*) override;

 private:
  Coordinator& coordinator_;
  const std::string instance_;
};

class CheckpointServiceImpl final : public proto::CheckpointService::Service {
 public:
  CheckpointServiceImpl(Coordinator& coordinator, std::string token)
      : coordinator_(coordinator), token_(std::move(token)) {}
  grpc::Status ListCheckpoints(grpc::ServerContext*, const proto::CheckpointsRequest*,
                               proto::CheckpointsReply*) override;
  grpc::Status Pin(grpc::ServerContext*, const proto::PinRequest*, proto::PinReply*) override;
  grpc::Status Collect(grpc::ServerContext*, const proto::CollectRequest*, proto::CheckpointsReply*) override;

 private:
  Coordinator& coordinator_;
  const std::string token_;
};

}  // namespace lockstep
