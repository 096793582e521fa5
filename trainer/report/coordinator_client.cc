#include "trainer/report/coordinator_client.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "proto/attempt.pb.h"
#include "proto/coordinator.grpc.pb.h"
#include "storage/base/log.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kDeadline = std::chrono::seconds(2);
constexpr auto kEvaluationWait = std::chrono::seconds(1);
constexpr auto kFinishWait = std::chrono::seconds(2);
constexpr auto kFirstBackOff = std::chrono::milliseconds(50);
constexpr auto kMostBackOff = std::chrono::milliseconds(1000);
constexpr std::size_t kMostEvaluations = 1000;  // a report: a long run that goes on tells all it has
constexpr double kMostHeartbeatSeconds = 86400;

// With each answer of a coordinator: which one it is.
constexpr const char* kInstance = "lockstep-instance";

std::unique_ptr<proto::RunnerService::Stub> stub_at(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  return proto::RunnerService::NewStub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

}  // namespace

// Where the coordinator is, and calls there.
class CoordinatorClient::Connection {
 public:
  Connection(const proto::AttemptFile& file, Callbacks callbacks)
      : callbacks_(std::move(callbacks)), endpoint_file_(file.endpoint_file()) {
    id_.set_sweep(file.sweep());
    id_.set_trial(file.trial());
    id_.set_attempt(file.attempt());
    id_.set_token(file.token());
  }
  bool look_up();
  bool attach();
  proto::ReportRequest new_report();
  bool send(const proto::ReportRequest& request);

 private:
  bool is_ours(const grpc::ClientContext& context);
  bool heed(const grpc::ClientContext& context, const grpc::Status& status, const proto::ReportReply& reply);

  const Callbacks callbacks_;
  const std::filesystem::path endpoint_file_;
  proto::AttemptId id_;
  proto::EndpointFile endpoint_;                      // as it was read last
  std::unique_ptr<proto::RunnerService::Stub> stub_;  // there
  std::int64_t seq_ = 0;
};

// Reads where the coordinator is now. False: not known, as while none has started yet.
bool CoordinatorClient::Connection::look_up() {
  proto::EndpointFile found;
  Faults faults;
  const bool known = read_text_proto(endpoint_file_, found, faults).ok() && faults.empty() && found.has_address();
  if (!known) return false;
  if (!stub_ || found.address() != endpoint_.address()) stub_ = stub_at(found.address());
  endpoint_ = found;
  return true;
}

// Whether the one that answered is the coordinator that the endpoint names now. Another may have its address by now.
bool CoordinatorClient::Connection::is_ours(const grpc::ClientContext& context) {
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find(kInstance);
  const std::string instance = found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
  return instance == endpoint_.instance() || (look_up() && instance == endpoint_.instance());
}

// Whether our coordinator took the call; does what its answer says.
bool CoordinatorClient::Connection::heed(const grpc::ClientContext& context, const grpc::Status& status,
                                         const proto::ReportReply& reply) {
  const bool refused = status.error_code() == grpc::StatusCode::PERMISSION_DENIED;
  if ((!status.ok() && !refused) || !is_ours(context)) return false;
  if (refused) callbacks_.on_fenced(status.error_message());
  if (status.ok() && reply.directive() == proto::STOP_AT_CHECKPOINT) callbacks_.on_stop();
  return status.ok();
}

bool CoordinatorClient::Connection::attach() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  proto::AttachRequest request;
  *request.mutable_attempt() = id_;
  proto::ReportReply reply;
  const grpc::Status status = stub_->Attach(&context, request, &reply);
  return heed(context, status, reply);
}

bool CoordinatorClient::Connection::send(const proto::ReportRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  proto::ReportReply reply;
  const grpc::Status status = stub_->Report(&context, request, &reply);
  return heed(context, status, reply);
}

proto::ReportRequest CoordinatorClient::Connection::new_report() {
  proto::ReportRequest request;
  *request.mutable_attempt() = id_;
  request.set_seq(++seq_);
  return request;
}

CoordinatorClient::CoordinatorClient(std::unique_ptr<Connection> connection, double heartbeat_seconds)
    : connection_(std::move(connection)),
      heartbeat_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(heartbeat_seconds))) {
  thread_ = std::thread([this] { send_all(); });
}

CoordinatorClient::~CoordinatorClient() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    give_up_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CoordinatorClient::report(const TrainPoint& point) {
  const std::lock_guard lock(mutex_);
  train_.push_back(point);
  if (train_.size() <= kMostTrainPoints) return;
  train_.pop_front();
  ++dropped_;
}

void CoordinatorClient::report(std::span<const EvalPoint> points) {
  if (points.empty()) return;
  std::unique_lock lock(mutex_);
  evaluations_.insert(evaluations_.end(), points.begin(), points.end());
  urgent_ = true;
  changed_.notify_all();
  if (connected_) changed_.wait_for(lock, kEvaluationWait, [this] { return evaluations_.empty() || !connected_; });
}

void CoordinatorClient::report(const CheckpointPoint& point) {
  const std::lock_guard lock(mutex_);
  checkpoints_.push_back(point);
  urgent_ = true;
  changed_.notify_all();
}

std::int64_t CoordinatorClient::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

bool CoordinatorClient::finish() {
  std::unique_lock lock(mutex_);
  ending_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, kFinishWait, [this] { return ended_; });
  give_up_ = true;
  changed_.notify_all();
  return evaluations_.empty();
}

proto::ReportRequest CoordinatorClient::next_report() {
  proto::ReportRequest request = connection_->new_report();
  const std::lock_guard lock(mutex_);
  urgent_ = evaluations_.size() > kMostEvaluations;
  for (const TrainPoint& point : train_) {
    proto::TrainMetric& it = *request.add_train();
    it.set_step(point.step);
    it.set_loss(point.loss);
    it.set_accuracy(point.accuracy);
    it.set_learning_rate(point.learning_rate);
    it.set_images_per_second(point.images_per_second);
  }
  for (std::size_t i = 0; i < std::min(evaluations_.size(), kMostEvaluations); ++i) {
    const EvalPoint& point = evaluations_[i];
    proto::EvalMetric& it = *request.add_eval();
    it.set_step(point.step);
    it.set_epoch(static_cast<int>(point.epoch));
    it.set_loss(point.loss);
    for (const MetricValue& metric : point.metrics) {
      if (metric.name == "accuracy") {
        it.set_accuracy(metric.value);
        continue;
      }
      proto::MetricValue& stored = *it.add_metric();
      stored.set_name(metric.name);
      stored.set_value(metric.value);
    }
  }
  for (const CheckpointPoint& point : checkpoints_) request.add_checkpoint()->set_step(point.step);
  train_.clear();
  return request;
}

void CoordinatorClient::delivered(const proto::ReportRequest& request) {
  const std::lock_guard lock(mutex_);
  evaluations_.erase(evaluations_.begin(), evaluations_.begin() + request.eval_size());
  checkpoints_.erase(checkpoints_.begin(), checkpoints_.begin() + request.checkpoint_size());
}

// A report that was not answered is sent again as it was, for it may have arrived, to wherever the coordinator is by
// then.
void CoordinatorClient::send_all() {
  bool attached = false;
  bool answered = false;  // the last call
  std::optional<proto::ReportRequest> request;
  Clock::duration back_off = kFirstBackOff;
  Clock::time_point last_sent = Clock::now();
  while (true) {
    bool good = (answered || connection_->look_up()) && (attached || connection_->attach());
    attached |= good;
    if (good) {
      if (!request) request = next_report();
      good = connection_->send(*request);
      if (good) delivered(*request);
      if (good) request.reset();
      last_sent = Clock::now();
    }
    answered = good;
    std::unique_lock lock(mutex_);
    connected_ = good;
    const bool empty = !request && train_.empty() && evaluations_.empty() && checkpoints_.empty();
    if (give_up_ || (ending_ && empty)) {
      ended_ = true;
      changed_.notify_all();
      return;
    }
    changed_.notify_all();
    if (good) {
      back_off = kFirstBackOff;
      changed_.wait_until(lock, last_sent + heartbeat_, [this] { return urgent_ || ending_; });
    } else {
      changed_.wait_for(lock, back_off, [this] { return give_up_; });
      back_off = std::min<Clock::duration>(2 * back_off, kMostBackOff);
    }
  }
}

StatusOr<std::unique_ptr<CoordinatorClient>> CoordinatorClient::start(const std::filesystem::path& attempt_file,
                                                                      Callbacks callbacks) {
  proto::AttemptFile file;
  Faults faults;
  if (const Status read = read_text_proto(attempt_file, file, faults); !read.ok()) {
    // A file that is not there was named by mistake; whatever else keeps the coordinator's file from being read is no
    // fault of the job.
    std::error_code ignored;
    const bool is_there = std::filesystem::exists(std::filesystem::symlink_status(attempt_file, ignored));
    return is_there ? io_error(std::string(read.message())) : read;
  }
  if (!file.has_sweep()) faults.add("sweep", "is missing: whose attempt this is");
  if (!file.has_token()) faults.add("token", "is missing: the secret of the attempt");
  if (!(file.heartbeat_seconds() > 0 && file.heartbeat_seconds() <= kMostHeartbeatSeconds)) {
    faults.add("heartbeat_seconds", fmt::format("expected a number above 0 and at most {}, got {}",
                                                kMostHeartbeatSeconds, file.heartbeat_seconds()));
  }
  if (!file.has_endpoint_file()) faults.add("endpoint_file", "is missing: where it stands where reports go");
  RETURN_IF_ERROR(faults.status(attempt_file.string()));
  auto connection = std::make_unique<Connection>(file, std::move(callbacks));
  return std::unique_ptr<CoordinatorClient>(new CoordinatorClient(std::move(connection), file.heartbeat_seconds()));
}

}  // namespace lockstep
