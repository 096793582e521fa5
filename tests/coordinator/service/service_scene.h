// A coordinator without processes, on a directory of its own, behind a real server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "coordinator/execute/fake_executor.h"
#include "coordinator/service/client.h"
#include "coordinator/service/server.h"
#include "proto/coordinator.grpc.pb.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {

inline constexpr const char* kToken = "the token";
inline constexpr const char* kInstance = "this one";

// A new connection of its own.
std::shared_ptr<grpc::Channel> channel_to(const std::string& address);

class ServiceScene {
 public:
  // `token` and `instance` of the options are set here; `listen`, when it is empty, to a free port.
  explicit ServiceScene(ServerOptions options = {});
  ~ServiceScene();

  std::string address() const { return server_->address(); }
  std::unique_ptr<Client> client() const { return Client::connect(address(), kToken); }
  std::shared_ptr<grpc::Channel> channel() const { return channel_to(address()); }
  Coordinator& coordinator() const { return *coordinator_; }
  // Requires: the caller is on the loop's thread.
  FakeExecutor& executor() const { return *executor_; }

  // Ends the coordinator and starts the next one on what it has left.
  void start_again();

  // All `calls` wait together for one round, in their order; returns when all are answered.
  void in_one_round(const std::vector<std::function<void()>>& calls) const;

 private:
  void start();
  void stop();

  const TemporaryDirectory directory_;
  ServerOptions options_;
  std::unique_ptr<Coordinator> coordinator_;
  FakeExecutor* executor_ = nullptr;
  std::unique_ptr<Server> server_;
  std::thread loop_;
};

// A sweep whose trials nothing hinders; `more` is text proto.
proto::SubmitRequest good_submission(const std::string& more = "");

// A call by its name, with any bytes as its request; an empty token: none is sent.
grpc::Status call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& request,
                  const std::string& token, const std::string& more_metadata = "");

}  // namespace lockstep
