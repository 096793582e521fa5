#include "coordinator/service/client.h"

#include <chrono>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "coordinator/service/call.h"
#include "coordinator/service/endpoint.h"
#include "proto/coordinator.grpc.pb.h"

namespace lockstep {
namespace {

constexpr auto kDeadline = std::chrono::seconds(30);
constexpr int kMostMetadataBytes = 1 << 20;  // every fault of a sweep

constexpr int kMostTries = 3;

// Seen with gRPC 1.51 in a root without /sys, of a server that listens: "failed to connect ... UNKNOWN: ... No such
// file or directory", which is no errno of connect(). Nothing was sent then.
bool is_misread(const grpc::Status& status) {
  const std::string& message = status.error_message();
  return status.error_code() == grpc::StatusCode::UNAVAILABLE &&
         message.find("failed to connect") != std::string::npos && message.find("UNKNOWN") != std::string::npos;
}

class GrpcClient final : public Client {
 public:
  // `state`: empty, or the directory whose endpoint says where the coordinator is when it is not there any more.
  GrpcClient(const std::string& address, std::filesystem::path state, std::string token)
      : state_(std::move(state)), token_(std::move(token)) {
    go_to(address);
  }
  StatusOr<proto::SubmitReply> submit(const proto::SubmitRequest& request) override {
    return call<proto::SubmitReply>(sweeps_, &proto::SweepService::Stub::Submit, request);
  }
  StatusOr<proto::SweepView> get(const std::string& sweep) override {
    proto::GetRequest request;
    request.set_sweep(sweep);
    return call<proto::SweepView>(sweeps_, &proto::SweepService::Stub::Get, request);
  }
  StatusOr<proto::ListReply> list() override {
    return call<proto::ListReply>(sweeps_, &proto::SweepService::Stub::List, proto::ListRequest());
  }
  StatusOr<proto::TrialView> trial(const std::string& sweep, int number) override {
    proto::TrialsRequest request;
    request.set_sweep(sweep);
    request.set_first(number);
    request.set_most(1);
    ASSIGN_OR_RETURN(const proto::TrialsReply page,
                     call<proto::TrialsReply>(sweeps_, &proto::SweepService::Stub::Trials, request));
    if (page.trial_size() == 1 && page.trial(0).trial() == number) return page.trial(0);
    return absl::NotFoundError(fmt::format("sweep {} has no trial {}", sweep, number));
  }
  StatusOr<proto::TrialsReply> trials(const std::string& sweep, bool only_open) override {
    proto::TrialsReply all;
    proto::TrialsRequest request;
    request.set_sweep(sweep);
    request.set_only_open(only_open);
    while (true) {
      ASSIGN_OR_RETURN(proto::TrialsReply page,
                       call<proto::TrialsReply>(sweeps_, &proto::SweepService::Stub::Trials, request));
      if (page.trial().empty()) return all;
      request.set_first(page.trial().rbegin()->trial() + 1);
      all.MergeFrom(page);
    }
  }
  Status watch(const proto::WatchRequest& request, const std::function<bool(const proto::Event&)>& take) override {
    grpc::ClientContext context;
    prepare(context);
    const auto reader = sweeps_->Watch(&context, request);
    proto::Event event;
    bool wanted = true;
    while (wanted && reader->Read(&event)) wanted = take(event);
    if (!wanted) context.TryCancel();
    const Status status = explain(reader->Finish());
    return wanted ? status : OkStatus();
  }
  StatusOr<proto::SweepView> change(const proto::ChangeRequest& request) override {
    return call<proto::SweepView>(sweeps_, &proto::SweepService::Stub::Change, request);
  }
  StatusOr<proto::SweepView> retry(const proto::RetryRequest& request) override {
    return call<proto::SweepView>(sweeps_, &proto::SweepService::Stub::Retry, request);
  }
  Status remove(const std::string& sweep) override {
    proto::DeleteRequest request;
    request.set_sweep(sweep);
    return call<proto::DeleteReply>(sweeps_, &proto::SweepService::Stub::Delete, request).status();
  }
  StatusOr<proto::PlanReply> plan(const proto::PlanRequest& request) override {
    return call<proto::PlanReply>(sweeps_, &proto::SweepService::Stub::Plan, request);
  }
  StatusOr<proto::CheckpointsReply> collect(const proto::CollectRequest& request) override {
    return call<proto::CheckpointsReply>(checkpoints_, &proto::CheckpointService::Stub::Collect, request);
  }
  Status pin(const proto::PinRequest& request) override {
    return call<proto::PinReply>(checkpoints_, &proto::CheckpointService::Stub::Pin, request).status();
  }

 private:
  void go_to(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // another channel does not wait where one has failed
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMostMetadataBytes);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);  // a watch finds out that nobody is there any more
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    const auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
    sweeps_ = proto::SweepService::NewStub(channel);
    checkpoints_ = proto::CheckpointService::NewStub(channel);
    address_ = address;
  }
  void prepare(grpc::ClientContext& context) {
    if (std::exchange(lost_, false) && !state_.empty()) {
      const StatusOr<proto::EndpointFile> endpoint = read_endpoint(state_);
      if (endpoint.ok() && endpoint->address() != address_) go_to(endpoint->address());
    }
    context.AddMetadata("authorization", "Bearer " + token_);
  }
  Status explain(const grpc::Status& status) {
    const grpc::StatusCode code = status.error_code();
    lost_ = code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (lost_) {
      return absl::UnavailableError(
          fmt::format("no answer from {} ({}): is `lockstep serve` running there?", address_, status.error_message()));
    }
    return from_grpc(status);
  }
  template <typename Reply, typename Stub, typename Request>
  StatusOr<Reply> call(const std::unique_ptr<Stub>& stub,
                       grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                       const Request& request) {
    for (int tries = 1;; ++tries) {
      grpc::ClientContext context;
      prepare(context);
      context.set_deadline(std::chrono::system_clock::now() + kDeadline);
      Reply reply;
      const grpc::Status answer = (*stub.*method)(&context, request, &reply);
      if (is_misread(answer) && tries < kMostTries) {
        go_to(address_);
        continue;
      }
      const Status status = explain(answer);
      if (!status.ok()) return status;
      return reply;
    }
  }

  const std::filesystem::path state_;
  const std::string token_;
  std::string address_;
  bool lost_ = false;  // nobody answered the last call
  std::unique_ptr<proto::SweepService::Stub> sweeps_;
  std::unique_ptr<proto::CheckpointService::Stub> checkpoints_;
};

}  // namespace

std::unique_ptr<Client> Client::connect(const std::string& address, const std::string& token) {
  return std::make_unique<GrpcClient>(address, "", token);
}

StatusOr<std::unique_ptr<Client>> Client::follow(const std::filesystem::path& state, const std::string& token) {
  ASSIGN_OR_RETURN(const proto::EndpointFile endpoint, read_endpoint(state));
  return std::make_unique<GrpcClient>(endpoint.address(), state, token);
}

}  // namespace lockstep
