#include "tests/coordinator/service/service_scene.h"

#include <chrono>
#include <future>
#include <utility>

#include <grpcpp/generic/generic_stub.h>

#include "storage/base/text_proto.h"
#include "tests/coordinator/store/sample.h"

namespace lockstep {
namespace {

constexpr auto kDeadline = std::chrono::seconds(30);

std::vector<int> two_cores() {
  return {0, 1};
}

}  // namespace

ServiceScene::ServiceScene(ServerOptions options) : options_(std::move(options)) {
  if (options_.listen.empty()) options_.listen = "127.0.0.1:0";
  options_.token = kToken;
  options_.instance = kInstance;
  start();
}

ServiceScene::~ServiceScene() {
  stop();
}

void ServiceScene::start() {
  CoordinatorOptions about;
  about.state_directory = directory_.path();
  about.machine = {.cores = 2, .root = "/data"};
  about.cores = two_cores();
  about.runner = {.trainer = "/bin/true", .mpirun = {"mpirun"}};
  auto opened = Coordinator::open(about, open_store(directory_ / "log.sqlite"), [this](OnEnded on_ended) {
    auto executor = std::make_unique<FakeExecutor>(two_cores(), std::move(on_ended));
    executor_ = executor.get();
    return executor;
  });
  CHECK(opened.ok(), "{}", opened.status().ToString());
  coordinator_ = *std::move(opened);
  auto started = Server::start(*coordinator_, options_);
  CHECK(started.ok(), "{}", started.status().ToString());
  server_ = *std::move(started);
  loop_ = std::thread([this] { CHECK(coordinator_->run().ok()); });
}

void ServiceScene::stop() {
  coordinator_->stop();
  loop_.join();
  server_.reset();
  coordinator_.reset();
}

void ServiceScene::start_again() {
  stop();
  start();
}

void ServiceScene::in_one_round(const std::vector<std::function<void()>>& calls) const {
  std::promise<void> held, go_on;
  std::thread holder([&] {
    const auto hold = [&](Coordinator::Desk&) {
      held.set_value();
      go_on.get_future().wait();
      return OkStatus();
    };
    CHECK(coordinator_->ask<int>(hold, [](const State&) { return 0; }).ok());
  });
  held.get_future().wait();
  std::vector<std::thread> threads;
  for (const auto& call : calls) {
    threads.emplace_back(call);
    while (coordinator_->waiting() < threads.size()) std::this_thread::yield();
  }
  go_on.set_value();
  holder.join();
  for (std::thread& thread : threads) thread.join();
}

proto::SubmitRequest good_submission(const std::string& more) {
  proto::SubmitRequest request;
  Faults faults;
  parse_text_proto(R"(
    name: "good"
    job { name: "job" data { path: "/data/rows.h5" } model { zoo: "lenet" } epochs: 4
          schedule { constant { learning_rate: 0.1 } } optimizer { sgd {} } }
    parameter { name: "rate" path: "schedule.constant.learning_rate" float { min: 0.1 max: 1 } }
    limits { trials: 1 parallel: 1 }
  )" + more,
                   *request.mutable_spec(), faults);
  CHECK(faults.empty(), "{}", faults.status("spec").ToString());
  return request;
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
