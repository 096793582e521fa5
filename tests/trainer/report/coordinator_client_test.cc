// The client against a server of ours that records what it is told and answers as the test wants.
#include "trainer/report/coordinator_client.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "proto/coordinator.grpc.pb.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

class Recorder final : public proto::RunnerService::Service {
 public:
  grpc::Status Attach(grpc::ServerContext* context, const proto::AttachRequest*, proto::ReportReply*) override {
    const std::lock_guard lock(mutex);
    context->AddTrailingMetadata("lockstep-instance", instance);
    has_authorization |= context->client_metadata().contains("authorization");
    return answer;
  }
  grpc::Status Report(grpc::ServerContext* context, const proto::ReportRequest* request,
                      proto::ReportReply* reply) override {
    for (int i = 0; i < 1000 && hangs; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::lock_guard lock(mutex);
    context->AddTrailingMetadata("lockstep-instance", instance);
    reports.push_back(*request);
    if (failures > 0) {
      --failures;
      return {grpc::StatusCode::UNAVAILABLE, "taken, and not answered"};
    }
    reply->set_directive(directive);
    return answer;
  }
  std::vector<proto::ReportRequest> all() {
    const std::lock_guard lock(mutex);
    return reports;
  }

  std::mutex mutex;
  bool has_authorization = false;
  std::string instance = "ours";
  std::vector<proto::ReportRequest> reports;
  grpc::Status answer;
  proto::Directive directive = proto::CONTINUE;
  int failures = 0;
  std::atomic<bool> hangs{false};
};

class CoordinatorClientTest : public testing::Test {
 protected:
  void serve(const std::string& address) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&recorder_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  std::unique_ptr<CoordinatorClient> connect() {
    write_endpoint("127.0.0.1:" + std::to_string(port_), "ours");
    std::ofstream(folder_.path() / "attempt.pbtxt")
        << "sweep: \"s1\" trial: 3 attempt: 2 token: \"mine\" heartbeat_seconds: 0.05 endpoint_file: \""
        << (folder_.path() / "endpoint").string() << "\"\n";
    auto client = CoordinatorClient::start(
        folder_.path() / "attempt.pbtxt",
        {.on_stop = [this] { ++stops_; }, .on_fenced = [this](const std::string&) { ++fences_; }});
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  // As a coordinator does: as a whole.
  void write_endpoint(const std::string& address, const std::string& instance) {
    const std::filesystem::path file = folder_.path() / "endpoint";
    std::ofstream(folder_.path() / "new") << "address: \"" << address << "\" instance: \"" << instance << "\"\n";
    std::filesystem::rename(folder_.path() / "new", file);
  }
  bool reaches(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
  }
  std::vector<std::int64_t> epochs() {
    std::vector<std::int64_t> found;
    for (const auto& report : recorder_.all()) {
      for (const auto& it : report.eval()) found.push_back(it.epoch());
    }
    return found;
  }

  TemporaryDirectory folder_;
  Recorder recorder_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::atomic<int> stops_{0};
  std::atomic<int> fences_{0};
};

TEST_F(CoordinatorClientTest, SaysWhoItIsAndReportsInOrder) {
  serve("127.0.0.1:0");
  const auto client = connect();
  for (int epoch = 1; epoch <= 5; ++epoch) {
    client->report(TrainPoint{.step = epoch * 10});
    client->report(EvalPoint{
        .step = epoch * 10, .epoch = epoch, .loss = 0.5, .metrics = {{"macro_f1", 0.75}, {"accuracy", 0.25}}});
    client->report(CheckpointPoint{.step = epoch * 10, .path = ""});
  }
  client->finish();
  EXPECT_EQ(epochs(), (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
  EXPECT_FALSE(recorder_.has_authorization) << "the secret of an attempt is all that it has";
  std::int64_t seq = 0;
  int train = 0;
  int checkpoints = 0;
  for (const auto& report : recorder_.all()) {
    EXPECT_EQ(report.seq(), ++seq);
    EXPECT_EQ(report.attempt().token(), "mine");
    EXPECT_EQ(report.attempt().trial(), 3);
    train += report.train_size();
    checkpoints += report.checkpoint_size();
    for (const auto& evaluation : report.eval()) {
      EXPECT_EQ(evaluation.accuracy(), 0.25);
      ASSERT_EQ(evaluation.metric_size(), 1) << "the accuracy is told once";
      EXPECT_EQ(evaluation.metric(0).name(), "macro_f1");
      EXPECT_EQ(evaluation.metric(0).value(), 0.75);
    }
  }
  EXPECT_EQ(train, 5);
  EXPECT_EQ(checkpoints, 5);
}

TEST_F(CoordinatorClientTest, ShowsThatItIsAlive) {
  serve("127.0.0.1:0");
  const auto client = connect();
  EXPECT_TRUE(reaches([&] { return recorder_.all().size() >= 5; }));
  EXPECT_TRUE(epochs().empty());
}

TEST_F(CoordinatorClientTest, WaitsForACoordinatorThatComesLater) {
  serve("127.0.0.1:0");
  const std::string address = "127.0.0.1:" + std::to_string(port_);
  server_->Shutdown();
  server_.reset();
  const auto client = connect();
  const auto begin = std::chrono::steady_clock::now();
  for (int epoch = 1; epoch <= 3; ++epoch) client->report(EvalPoint{.epoch = epoch});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));  // nobody answers: no waiting
  serve(address);
  EXPECT_TRUE(reaches([&] { return epochs() == (std::vector<std::int64_t>{1, 2, 3}); }));
}

TEST_F(CoordinatorClientTest, SendsTheSameReportAgainWhenItWasNotAnswered) {
  serve("127.0.0.1:0");
  const auto client = connect();
  ASSERT_TRUE(reaches([&] { return !recorder_.all().empty(); }));
  {
    const std::lock_guard lock(recorder_.mutex);
    recorder_.reports.clear();
    recorder_.failures = 2;
  }
  client->report(EvalPoint{.epoch = 1});
  ASSERT_TRUE(reaches([&] { return epochs().size() >= 1 && recorder_.all().size() >= 4; }));
  const auto reports = recorder_.all();
  EXPECT_EQ(reports[0].seq(), reports[1].seq());
  EXPECT_EQ(reports[1].seq(), reports[2].seq());
  EXPECT_EQ(reports[0].SerializeAsString(), reports[2].SerializeAsString());
  EXPECT_GT(reports[3].seq(), reports[2].seq());
}

TEST_F(CoordinatorClientTest, HandsOnADirectiveBeforeTheReportReturns) {
  serve("127.0.0.1:0");
  const auto client = connect();
  ASSERT_TRUE(reaches([&] { return recorder_.all().size() >= 2; }));
  EXPECT_EQ(stops_, 0);
  {
    const std::lock_guard lock(recorder_.mutex);
    recorder_.directive = proto::STOP_AT_CHECKPOINT;
  }
  client->report(EvalPoint{.epoch = 1});
  EXPECT_GE(stops_, 1);
}

TEST_F(CoordinatorClientTest, IsFencedByPermissionDeniedAlone) {
  serve("127.0.0.1:0");
  const auto client = connect();
  ASSERT_TRUE(reaches([&] { return !recorder_.all().empty(); }));
  const auto answer = [&](grpc::StatusCode code) {
    const std::lock_guard lock(recorder_.mutex);
    recorder_.answer = {code, "no"};
    recorder_.reports.clear();
  };
  for (const auto code :
       {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::UNAUTHENTICATED, grpc::StatusCode::INTERNAL}) {
    answer(code);
    ASSERT_TRUE(reaches([&] { return recorder_.all().size() >= 2; }));
    EXPECT_EQ(fences_, 0);
  }
  answer(grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(reaches([&] { return fences_ > 0; }));
}

TEST_F(CoordinatorClientTest, AnotherCoordinatorAtTheAddressIsNotHeeded) {
  serve("127.0.0.1:0");
  const auto client = connect();
  ASSERT_TRUE(reaches([&] { return !recorder_.all().empty(); }));
  {
    const std::lock_guard lock(recorder_.mutex);
    recorder_.instance = "another";
    recorder_.directive = proto::STOP_AT_CHECKPOINT;
    recorder_.reports.clear();
  }
  client->report(EvalPoint{.epoch = 1});  // that it took this does not count either
  ASSERT_TRUE(reaches([&] { return epochs().size() >= 2; }));
  {
    const std::lock_guard lock(recorder_.mutex);
    recorder_.answer = {grpc::StatusCode::PERMISSION_DENIED, "who are you?"};
    recorder_.reports.clear();
  }
  ASSERT_TRUE(reaches([&] { return recorder_.all().size() >= 2; }));
  EXPECT_EQ(fences_, 0);
  EXPECT_EQ(stops_, 0);
  write_endpoint("127.0.0.1:" + std::to_string(port_), "another");  // the control: it is ours after all
  EXPECT_TRUE(reaches([&] { return fences_ > 0; }));
}

TEST_F(CoordinatorClientTest, GoesWhereTheEndpointSays) {
  serve("127.0.0.1:0");
  const auto client = connect();
  ASSERT_TRUE(reaches([&] { return !recorder_.all().empty(); }));
  server_->Shutdown();
  server_.reset();
  client->report(EvalPoint{.epoch = 1});
  const std::string socket = "unix:" + (folder_.path() / "socket").string();
  serve(socket);
  {
    const std::lock_guard lock(recorder_.mutex);
    recorder_.instance = "its next run";
  }
  write_endpoint(socket, "its next run");
  EXPECT_TRUE(reaches([&] { return epochs() == std::vector<std::int64_t>{1}; }));
}

TEST_F(CoordinatorClientTest, BeginsBeforeThereIsAnEndpoint) {
  const auto client = connect();
  std::filesystem::remove(folder_.path() / "endpoint");
  client->report(EvalPoint{.epoch = 1});
  serve("127.0.0.1:0");
  write_endpoint("127.0.0.1:" + std::to_string(port_), "ours");
  EXPECT_TRUE(reaches([&] { return epochs() == std::vector<std::int64_t>{1}; }));
}

TEST_F(CoordinatorClientTest, WaitsForAnEvaluationsAnswerNoLongerThanItsBound) {
  serve("127.0.0.1:0");
  const auto client = connect();
  ASSERT_TRUE(reaches([&] { return recorder_.all().size() >= 2; }));
  const auto seconds_of_report = [&](int epoch) {
    const auto begin = std::chrono::steady_clock::now();
    client->report(EvalPoint{.epoch = epoch});
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  recorder_.hangs = true;
  const double first = seconds_of_report(1);
  EXPECT_GT(first, 0.9);  // it does wait
  EXPECT_LT(first, 1.5);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // the call's deadline: the coordinator is away now
  EXPECT_LT(seconds_of_report(2), 0.3);
  recorder_.hangs = false;
  const auto arrived = [&](int epoch) {  // calls that hung may be noted late, so in any order
    const std::vector<std::int64_t> all = epochs();
    return std::find(all.begin(), all.end(), epoch) != all.end();
  };
  EXPECT_TRUE(reaches([&] { return arrived(1) && arrived(2); }));
}

TEST_F(CoordinatorClientTest, DropsTheOldestTrainPointsBeyondItsLimitAndNoEvaluation) {
  serve("127.0.0.1:0");
  const std::string address = "127.0.0.1:" + std::to_string(port_);
  server_->Shutdown();
  server_.reset();
  const auto client = connect();
  const auto most = static_cast<std::int64_t>(CoordinatorClient::kMostTrainPoints);
  for (std::int64_t step = 1; step <= most; ++step) client->report(TrainPoint{.step = step});
  EXPECT_EQ(client->dropped(), 0);
  for (std::int64_t step = most + 1; step <= most + 50; ++step) client->report(TrainPoint{.step = step});
  for (int epoch = 1; epoch <= 3; ++epoch) client->report(EvalPoint{.epoch = epoch});
  EXPECT_EQ(client->dropped(), 50);
  serve(address);
  EXPECT_TRUE(reaches([&] { return epochs() == (std::vector<std::int64_t>{1, 2, 3}); }));
  std::vector<std::int64_t> steps;
  for (const auto& report : recorder_.all()) {
    for (const auto& it : report.train()) steps.push_back(it.step());
  }
  ASSERT_EQ(steps.size(), CoordinatorClient::kMostTrainPoints);
  EXPECT_EQ(steps.front(), 51);
  EXPECT_EQ(steps.back(), most + 50);
}

TEST_F(CoordinatorClientTest, EndsWithinItsBoundWhenNobodyAnswers) {
  serve("127.0.0.1:0");
  server_->Shutdown();
  server_.reset();
  auto client = connect();
  client->report(EvalPoint{.epoch = 1});
  const auto begin = std::chrono::steady_clock::now();
  client->finish();
  client.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(3500));
  EXPECT_TRUE(recorder_.all().empty());
}

TEST_F(CoordinatorClientTest, TellsAllThatALongRunHasInPieces) {
  serve("127.0.0.1:0");
  const auto client = connect();
  std::vector<EvalPoint> all;
  std::vector<std::int64_t> expected;
  for (std::int64_t epoch = 1; epoch <= 2500; ++epoch) {
    all.push_back({.step = epoch, .epoch = epoch});
    expected.push_back(epoch);
  }
  client->report(all);
  EXPECT_TRUE(reaches([&] { return epochs().size() >= all.size(); })) << "none waits for a sign of life";
  EXPECT_TRUE(client->finish());
  EXPECT_EQ(epochs(), expected);
  for (const auto& report : recorder_.all()) EXPECT_LE(report.eval_size(), 1000);
}

TEST_F(CoordinatorClientTest, SaysWhetherItsEvaluationsWereTaken) {
  serve("127.0.0.1:0");
  const auto taken = connect();
  taken->report(EvalPoint{.epoch = 1});
  EXPECT_TRUE(taken->finish());
  const auto not_taken = connect();
  ASSERT_TRUE(reaches([&] { return recorder_.all().size() >= 4; }));
  {
    const std::lock_guard lock(recorder_.mutex);
    recorder_.answer = {grpc::StatusCode::UNAVAILABLE, "no"};
  }
  not_taken->report(EvalPoint{.epoch = 2});
  EXPECT_FALSE(not_taken->finish());
}

TEST_F(CoordinatorClientTest, AFileThatCannotBeReadIsNoFaultOfTheJob) {
  std::filesystem::create_directory(folder_ / "attempt.pbtxt");
  std::filesystem::create_symlink("loop.pbtxt", folder_ / "loop.pbtxt");
  for (const char* const name : {"attempt.pbtxt", "loop.pbtxt"}) {
    const Status refused = CoordinatorClient::start(folder_ / name, {}).status();
    EXPECT_EQ(exit_code(refused), 74) << refused;
  }
}

TEST_F(CoordinatorClientTest, RefusesABadFile) {
  std::ofstream(folder_.path() / "bad.pbtxt") << "trail: 3\n";
  const auto client = CoordinatorClient::start(folder_.path() / "bad.pbtxt", {});
  ASSERT_TRUE(absl::IsInvalidArgument(client.status())) << client.status();
  for (const char* word : {"trial", "sweep: is missing", "heartbeat_seconds", "endpoint_file: is missing"}) {
    EXPECT_NE(client.status().message().find(word), absl::string_view::npos) << client.status();
  }
}

}  // namespace
}  // namespace lockstep
