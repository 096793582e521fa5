#include "tests/coordinator/service/service_scene.h"

#include <chrono>

#include <grpcpp/generic/generic_stub.h>

#include "coordinator/execute/fake_executor.h"

namespace lockstep {
namespace {

constexpr auto kDeadline = std::chrono::seconds(30);

std::vector<int> two_cores() {
  return {0, 1};
}

}  // namespace

ServiceScene::ServiceScene(ServerOptions options) {
  CoordinatorOptions about;
  about.state_directory = "/nowhere";
  about.machine = {.cores = 2, .root = "/data"};
  about.cores = two_cores();
  auto opened = Coordinator::open(about, make_memory_store(), [](std::function<void(const Ended&)> on_ended) {
    return std::make_unique<FakeExecutor>(two_cores(), std::move(on_ended));
  });
  CHECK(opened.ok(), "{}", opened.status().ToString());
  coordinator_ = *std::move(opened);
  options.listen = "127.0.0.1:0";
  options.token = kToken;
  auto started = Server::start(*coordinator_, options);
  CHECK(started.ok(), "{}", started.status().ToString());
  server_ = *std::move(started);
  loop_ = std::thread([this] { CHECK(coordinator_->run().ok()); });
}

ServiceScene::~ServiceScene() {
  coordinator_->stop();
  loop_.join();
  server_.reset();
}

std::shared_ptr<grpc::Channel> channel_to(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

grpc::Status call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& request,
                  const std::string& token, const std::string& more_metadata) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  if (!more_metadata.empty()) context.AddMetadata("more", more_metadata);
  const grpc::Slice slice(request);
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const auto reader = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  reader->StartCall();
  grpc::ByteBuffer reply;
  grpc::Status status;
  reader->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return status;
}

}  // namespace lockstep
