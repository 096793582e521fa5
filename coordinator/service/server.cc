#include "coordinator/service/server.h"

#include <chrono>

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include "coordinator/service/services.h"

namespace lockstep {
namespace {

constexpr int kMostMessageBytes = 4 << 20;
constexpr int kMostThreads = 64;

class GrpcServer final : public Server {
 public:
  GrpcServer(Coordinator& coordinator, const ServerOptions& options)
      : sweeps_(coordinator, options.token, options.most_streams),
        runners_(coordinator, options.token),
        checkpoints_(coordinator, options.token) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port_);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5000);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 << 10);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 256);
    builder.SetMaxReceiveMessageSize(kMostMessageBytes);
    grpc::ResourceQuota quota("coordinator");
    quota.SetMaxThreads(kMostThreads).Resize(std::size_t{256} << 20);
    builder.SetResourceQuota(quota);
    builder.RegisterService(&sweeps_);
    builder.RegisterService(&runners_);
    builder.RegisterService(&checkpoints_);
    server_ = builder.BuildAndStart();
    host_ = options.listen.substr(0, options.listen.rfind(':'));
  }
  ~GrpcServer() override { stop(); }
  bool runs() const { return server_ != nullptr && port_ != 0; }
  std::string address() const override { return fmt::format("{}:{}", host_, port_); }
  void stop() override {
    if (server_) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }

 private:
  SweepServiceImpl sweeps_;
  RunnerServiceImpl runners_;
  CheckpointServiceImpl checkpoints_;
  std::string host_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Status check_loopback(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  const std::string host = listen.substr(0, colon == std::string::npos ? 0 : colon);
  if (host == "127.0.0.1" || host == "localhost" || host == "[::1]") return OkStatus();
  return bad_configuration(
      fmt::format("--listen {}: expected 127.0.0.1:PORT. The coordinator speaks without encryption: "
                  "reach it from another machine through ssh -L",
                  listen));
}

StatusOr<std::unique_ptr<Server>> Server::start(Coordinator& coordinator, const ServerOptions& options) {
  RETURN_IF_ERROR(check_loopback(options.listen));
  auto server = std::make_unique<GrpcServer>(coordinator, options);
  if (!server->runs()) {
    return bad_configuration(
        fmt::format("--listen {}: the address cannot be had; is another coordinator using it?", options.listen));
  }
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace lockstep
