// A coordinator without disk and processes behind a real server on a free port of loopback.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include <grpcpp/grpcpp.h>

#include "coordinator/service/client.h"
#include "coordinator/service/server.h"

namespace lockstep {

inline constexpr const char* kToken = "the token";

// A new connection of its own.
std::shared_ptr<grpc::Channel> channel_to(const std::string& address);

class ServiceScene {
 public:
  // `listen` and `token` of the options are set here.
  explicit ServiceScene(ServerOptions options = {});
  ~ServiceScene();

  std::string address() const { return server_->address(); }
  std::unique_ptr<Client> client() const { return Client::connect(address(), kToken); }
  std::shared_ptr<grpc::Channel> channel() const { return channel_to(address()); }

 private:
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Server> server_;
  std::thread loop_;
};

// A call by its name, with any bytes as its request; an empty token: none is sent.
grpc::Status call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& request,
                  const std::string& token, const std::string& more_metadata = "");

}  // namespace lockstep
