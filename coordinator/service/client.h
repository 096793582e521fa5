// The coordinator as a client sees it: every call with the token and a deadline.
// Errors: those of proto/coordinator.proto; kUnavailable when nobody answers, with the address.
// Threads: one thread per object.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "proto/coordinator.pb.h"
#include "storage/base/status.h"

namespace lockstep {

class Client {
 public:
  static std::unique_ptr<Client> connect(const std::string& address, const std::string& token);
  // To the coordinator of this state directory, wherever it listens (endpoint.h): looked up anew after a call that
  // nobody answered. Errors: those of read_endpoint.
  static StatusOr<std::unique_ptr<Client>> follow(const std::filesystem::path& state, const std::string& token);
  virtual ~Client() = default;

  virtual StatusOr<proto::SubmitReply> submit(const proto::SubmitRequest& request) = 0;
  virtual StatusOr<proto::SweepView> get(const std::string& sweep) = 0;
  virtual StatusOr<proto::ListReply> list() = 0;
  // One trial. Errors: also kNotFound.
  virtual StatusOr<proto::TrialView> trial(const std::string& sweep, int number) = 0;
  // All pages; `only_open`: only trials that have not ended.
  virtual StatusOr<proto::TrialsReply> trials(const std::string& sweep, bool only_open) = 0;
  // Returns when the stream ends or `take` says false.
  virtual Status watch(const proto::WatchRequest& request, const std::function<bool(const proto::Event&)>& take) = 0;
  virtual StatusOr<proto::SweepView> change(const proto::ChangeRequest& request) = 0;
  virtual StatusOr<proto::SweepView> retry(const proto::RetryRequest& request) = 0;
  virtual Status remove(const std::string& sweep) = 0;
  virtual StatusOr<proto::PlanReply> plan(const proto::PlanRequest& request) = 0;
  virtual StatusOr<proto::CheckpointsReply> collect(const proto::CollectRequest& request) = 0;
  virtual Status pin(const proto::PinRequest& request) = 0;
};

}  // namespace lockstep
