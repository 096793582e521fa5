#include "coordinator/service/server.h"

#include <chrono>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/resource_quota.h>

#include "coordinator/service/call_observer.h"
#include "coordinator/service/listener.h"
#include "coordinator/service/services.h"

namespace lockstep {
namespace {

using ExternalConnectionType = grpc::ServerBuilder::experimental_type::ExternalConnectionType;

constexpr int kMostMessageBytes = 4 << 20;
constexpr int kMostThreads = 64;

// A program that is linked with the reflection library has the service in every server, unless it is taken out.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    const std::string name = grpc::reflection::ProtoServerReflectionPlugin().name();
    std::erase_if(*plugins, [&](const auto& it) { return it->name() == name; });
  }
};

void set_limits(grpc::ServerBuilder& builder) {
  // A peer that does not speak HTTP/2, or speaks too slowly, has so long.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5'000);
  // One that has gone without a word is found by a ping; one that pings more often than every ten seconds is sent away.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  // No connection stays for ever, not even one that sends a byte now and then. Clients connect again by themselves.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 600'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 3'600'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 << 10);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 256);
  builder.SetMaxReceiveMessageSize(kMostMessageBytes);
  // Large messages come 64 KiB at a time and hold up small ones less: hostile_latency tells 1.8 ms in place of 3.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  grpc::ResourceQuota quota("coordinator");
  quota.SetMaxThreads(kMostThreads).Resize(std::size_t{256} << 20);
  builder.SetResourceQuota(quota);
}

class GrpcServer final : public Server {
 public:
  GrpcServer(Coordinator& coordinator, const ServerOptions& options, std::unique_ptr<Listener> listener)
      : sweeps_(coordinator, options.token, options.most_streams),
        runners_(coordinator, options.instance),
        checkpoints_(coordinator, options.token),
        listener_(std::move(listener)) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    if (!options.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
    set_limits(builder);
    if (options.on_call) {
      std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> observers;
      observers.push_back(call_observer(options.on_call));
      builder.experimental().SetInterceptorCreators(std::move(observers));
    }
    builder.RegisterService(&sweeps_);
    builder.RegisterService(&runners_);
    builder.RegisterService(&checkpoints_);
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(ExternalConnectionType::FROM_FD,
                                                                     grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    CHECK(server_ != nullptr, "the server does not start");
    listen();
  }
  ~GrpcServer() override { stop(); }
  std::string address() const override { return listener_->address(); }
  bool is_reachable() const override { return listener_->is_reachable(); }
  Status move_to(const std::string& address) override {
    ASSIGN_OR_RETURN(std::unique_ptr<Listener> listener, Listener::open(address));
    listener_ = std::move(listener);
    listen();
    return OkStatus();
  }
  void stop() override {
    listener_->stop();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }

 private:
  void listen() {
    listener_->start([this](int descriptor) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
      connection.fd = descriptor;
      acceptor_->HandleNewConnection(&connection);
    });
  }

  SweepServiceImpl sweeps_;
  RunnerServiceImpl runners_;
  CheckpointServiceImpl checkpoints_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace

Status check_loopback(std::string_view flag, const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  const std::string host = listen.substr(0, colon == std::string::npos ? 0 : colon);
  if (host == "127.0.0.1" || host == "localhost" || host == "[::1]") return OkStatus();
  return bad_configuration(
      fmt::format("{} {}: expected 127.0.0.1:PORT. The coordinator speaks without encryption: "
                  "reach it from another machine through ssh -L",
                  flag, listen));
}

StatusOr<std::unique_ptr<Server>> Server::start(Coordinator& coordinator, const ServerOptions& options) {
  if (!options.listen.starts_with("unix:")) RETURN_IF_ERROR(check_loopback("--listen", options.listen));
  StatusOr<std::unique_ptr<Listener>> listener = Listener::open(options.listen);
  if (!listener.ok()) return with_context(listener.status(), "--listen");
  return std::make_unique<GrpcServer>(coordinator, options, *std::move(listener));
}

}  // namespace lockstep
