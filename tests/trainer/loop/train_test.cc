// The promises of the loop, with threads of one process as ranks; tests/e2e has them with mpirun.
#include <algorithm>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "proto/coordinator.grpc.pb.h"
#include "storage/base/file.h"
#include "storage/checkpoint/diff.h"
#include "tests/trainer/loop/small_job.h"
#include "trainer/comm/thread_communicator.h"
#include "trainer/loop/stop_request.h"
#include "trainer/loop/trainer.h"

namespace lockstep {
namespace {

// Answers as the coordinator does: an evaluation of `stop_at` is judged, and the trial stops from then on.
class Judge final : public proto::RunnerService::Service {
 public:
  explicit Judge(int stop_at) : stop_at_(stop_at) {}
  grpc::Status Report(grpc::ServerContext*, const proto::ReportRequest* request, proto::ReportReply* reply) override {
    const std::lock_guard lock(mutex_);
    for (const proto::EvalMetric& it : request->eval()) epochs_.push_back(it.epoch());
    const bool stops = std::find(epochs_.begin(), epochs_.end(), stop_at_) != epochs_.end();
    reply->set_directive(stops ? proto::STOP_AT_CHECKPOINT : proto::CONTINUE);
    return grpc::Status::OK;
  }
  grpc::Status Attach(grpc::ServerContext*, const proto::AttachRequest*, proto::ReportReply*) override {
    return grpc::Status::OK;
  }
  std::vector<int> epochs() {
    const std::lock_guard lock(mutex_);
    return epochs_;
  }

 private:
  const int stop_at_;
  std::mutex mutex_;
  std::vector<int> epochs_;
};

class TrainTest : public testing::Test {
 protected:
  void SetUp() override { clear_stop_request(); }

  TrainOptions attempt(const std::string& name, int port) const {
    TrainOptions options = job_.options(name);
    options.attempt = job_.directory / "attempt.pbtxt";
    write_attempt(port);
    return options;
  }
  void write_attempt(int port) const {
    const std::filesystem::path endpoint = job_.directory / "endpoint";
    std::ofstream(endpoint) << fmt::format("address: \"127.0.0.1:{}\"\n", port);
    std::ofstream(job_.directory / "attempt.pbtxt")
        << R"(sweep: "s1" trial: 0 attempt: 1 token: "t" heartbeat_seconds: 0.1)"
        << fmt::format("\nendpoint_file: \"{}\"\n", endpoint.string());
  }
  Status reporting_to(Judge& judge, int ranks, const std::string& name) const {
    return reporting_to(judge, ranks, attempt(name, 0));
  }
  Status reporting_to(Judge& judge, int ranks, const TrainOptions& options) const {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&judge);
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    CHECK(server != nullptr);
    write_attempt(port);
    return train_on(ranks, options);
  }

  std::string content(const std::string& name) const {
    const StatusOr<std::string> text = read_file(job_.directory / name, std::size_t{1} << 20);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.value_or("");
  }
  // The lines of a run's metrics without its ends, of which each run has one, and without its speed.
  std::vector<std::string> told(const std::string& name) const {
    std::vector<std::string> lines;
    std::istringstream text(content(name + "/metrics.jsonl"));
    for (std::string line; std::getline(text, line);) {
      if (line.find("\"end\"") == std::string::npos)
        lines.push_back(line.substr(0, line.find(",\"images_per_second\"")));
    }
    EXPECT_GE(lines.size(), 3U);
    return lines;
  }
  SmallJob job_;
};

TEST_F(TrainTest, LearnsAndGivesTheSameBitsOnAnyNumberOfRanks) {
  for (int ranks : {1, 2, 4, 8}) ASSERT_TRUE(train_on(ranks, job_.options(std::to_string(ranks))).ok());
  const StatusOr<Checkpoint> one = job_.result("1");
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->step, 24);
  ASSERT_TRUE(one->accuracy.has_value());
  EXPECT_GT(*one->accuracy, 0.6);  // chance is 0.25
  for (const char* ranks : {"2", "4", "8"}) EXPECT_TRUE(identical(one, job_.result(ranks))) << ranks << " ranks";
  // The comparison can fail: another number of slices has other batch-norm statistics.
  ASSERT_TRUE(train_on(1, job_.options("four_slices", {"slices=4"})).ok());
  EXPECT_FALSE(identical(one, job_.result("four_slices")));
}

// What every rank computed of the same rows before the first step: a function of the job, whatever the ranks.
TEST_F(TrainTest, ACheckpointTellsWhatTheRanksComputeOfAKey) {
  const auto gradients = [&](int ranks, const std::string& name, const std::vector<std::string>& overrides = {}) {
    std::vector<std::string> all = overrides;
    all.push_back("epochs=1");
    EXPECT_TRUE(train_on(ranks, job_.options(name, all)).ok());
    const StatusOr<Checkpoint> result = job_.result(name);
    return result.ok() && result->facts.contains("gradients_of_a_key") ? result->facts.at("gradients_of_a_key") : "";
  };
  const std::string one = gradients(1, "one");
  EXPECT_EQ(one.size(), 32U);
  EXPECT_EQ(gradients(4, "four"), one);
  EXPECT_NE(gradients(1, "seed", {"seed=9"}), one) << "the control";
}

TEST_F(TrainTest, StopsWithACheckpointAndResumesExactlyOnAnotherNumberOfRanks) {
  ASSERT_TRUE(train_on(2, job_.options("undisturbed")).ok());
  // Each run is asked at once, and does one step. The last of them ends an epoch: its evaluation is interrupted.
  for (int run = 0; run < 8; ++run) {
    request_stop();
    ASSERT_EQ(exit_code(train_on(run % 2 == 0 ? 1 : 4, job_.options("stopped"))), 75);
    const StatusOr<Checkpoint> checkpoint = job_.result("stopped");
    ASSERT_TRUE(checkpoint.ok());
    EXPECT_EQ(checkpoint->step, run + 1);
    EXPECT_FALSE(checkpoint->accuracy.has_value());
  }
  clear_stop_request();
  ASSERT_TRUE(train_on(8, job_.options("stopped")).ok());
  EXPECT_TRUE(identical(job_.result("undisturbed"), job_.result("stopped")));
  EXPECT_EQ(job_.result("undisturbed")->accuracy, job_.result("stopped")->accuracy);
}

TEST_F(TrainTest, StopsAfterAnEpochAndGoesOnExactly) {
  ASSERT_TRUE(train_on(1, job_.options("undisturbed")).ok());
  for (int run = 0; run < 2; ++run) {  // the second has nothing to do
    ASSERT_EQ(exit_code(train_on(2, job_.options("parts", {"execution.stop_after_epochs=1"}))), 75);
    const StatusOr<Checkpoint> checkpoint = job_.result("parts");
    ASSERT_TRUE(checkpoint.ok());
    EXPECT_EQ(checkpoint->step, 8);
    EXPECT_TRUE(checkpoint->accuracy.has_value());
  }
  ASSERT_TRUE(train_on(2, job_.options("parts", {"execution.stop_after_epochs=3"})).ok());  // its last epoch
  EXPECT_TRUE(identical(job_.result("undisturbed"), job_.result("parts")));
}

TEST_F(TrainTest, StopsAfterAnEpochWithEachLineOfMetricsOnce) {
  const std::vector<std::string> one = {"execution.stop_after_epochs=1", "checkpoint.every_epochs=0"};
  ASSERT_TRUE(train_on(1, job_.options("undisturbed")).ok());
  ASSERT_EQ(exit_code(train_on(2, job_.options("parts", {"execution.stop_after_epochs=1"}))), 75);
  const std::string before = content("parts/metrics.jsonl") + content("parts/job.pbtxt");
  ASSERT_EQ(exit_code(train_on(1, job_.options("parts", {"execution.stop_after_epochs=1"}))), 75);
  EXPECT_EQ(content("parts/metrics.jsonl") + content("parts/job.pbtxt"), before);  // nothing was left to do
  ASSERT_TRUE(train_on(4, job_.options("parts")).ok());
  EXPECT_TRUE(identical(job_.result("undisturbed"), job_.result("parts")));
  EXPECT_EQ(told("parts"), told("undisturbed"));
  // The checkpoint of that epoch is written whatever the job's own period.
  ASSERT_EQ(exit_code(train_on(1, job_.options("no_period", one))), 75);
  EXPECT_EQ(job_.result("no_period")->step, 8);
}

TEST_F(TrainTest, StopsAtOnceWhenItResumesBehindTheEpochToStopAfter) {
  ASSERT_EQ(exit_code(train_on(1, job_.options("run", {"execution.stop_after_epochs=2"}))), 75);
  std::filesystem::remove(job_.directory / "run/checkpoints/step-000000016.h5");
  ASSERT_EQ(job_.result("run")->step, 15);  // inside epoch 2
  ASSERT_EQ(exit_code(train_on(2, job_.options("run", {"execution.stop_after_epochs=1"}))), 75);
  EXPECT_EQ(job_.result("run")->step, 15);
}

TEST_F(TrainTest, TrainsOnWhileNoCoordinatorAnswers) {
  ASSERT_TRUE(train_on(1, job_.options("alone")).ok());
  ASSERT_TRUE(train_on(2, attempt("attempt", 1)).ok());
  EXPECT_TRUE(identical(job_.result("alone"), job_.result("attempt")));
}

TEST_F(TrainTest, StopsAtTheEvaluationThatTheCoordinatorAnswersSo) {
  ASSERT_TRUE(train_on(1, job_.options("alone")).ok());
  for (const int ranks : {1, 2, 4}) {
    const std::string name = "judged_" + std::to_string(ranks);
    Judge stops_at_two(2);
    ASSERT_EQ(exit_code(reporting_to(stops_at_two, ranks, name)), 75);
    EXPECT_EQ(stops_at_two.epochs(), (std::vector<int>{1, 2}));
    const StatusOr<Checkpoint> stopped = job_.result(name);
    ASSERT_TRUE(stopped.ok());
    EXPECT_EQ(stopped->step, 16);  // not a step further
    EXPECT_TRUE(stopped->accuracy.has_value());
    clear_stop_request();
    Judge never_stops(0);
    ASSERT_TRUE(reporting_to(never_stops, ranks, name).ok());
    EXPECT_EQ(never_stops.epochs(), (std::vector<int>{1, 2, 3})) << "all that it has, in case one was lost";
    EXPECT_TRUE(identical(job_.result("alone"), job_.result(name)));
  }
}

// Its directory tells the next attempt what the coordinator has not heard, whatever became of the metrics.
TEST_F(TrainTest, TellsTheCoordinatorAllItsEvaluationsWhenItGoesOn) {
  const std::vector<std::string> two = {"execution.stop_after_epochs=2"};
  ASSERT_EQ(exit_code(train_on(2, job_.options("run", two))), 75);
  std::filesystem::remove(job_.directory / "run/metrics.jsonl");
  Judge again(0);
  TrainOptions options = attempt("run", 0);
  options.overrides = two;
  ASSERT_EQ(exit_code(reporting_to(again, 1, options)), 75);
  EXPECT_EQ(again.epochs(), (std::vector<int>{1, 2})) << "also where there is nothing to be done";
  Judge later(0);
  ASSERT_TRUE(reporting_to(later, 4, "run").ok());
  EXPECT_EQ(later.epochs(), (std::vector<int>{1, 2, 3}));
  ASSERT_TRUE(train_on(1, job_.options("undisturbed")).ok());
  EXPECT_TRUE(identical(job_.result("undisturbed"), job_.result("run")));
  EXPECT_EQ(job_.result("undisturbed")->evaluations, job_.result("run")->evaluations);
}

TEST_F(TrainTest, AJobThatIsNotThereIsNoFaultOfATrial) {
  TrainOptions options = attempt("run", 1);
  options.job = job_.directory / "none.pbtxt";
  EXPECT_EQ(exit_code(train_on(2, options)), 74);
  options.attempt.clear();
  EXPECT_EQ(exit_code(train_on(2, options)), 2) << "but of who wrote the command";
}

TEST_F(TrainTest, ADirectoryThatAnotherRunHoldsMayBeFreeLater) {
  {
    std::filesystem::create_directory(job_.directory / "run");
    const StatusOr<FileLock> held = FileLock::acquire(job_.directory / "run/lock");
    ASSERT_TRUE(held.ok());
    EXPECT_EQ(exit_code(train_on(2, job_.options("run"))), 74);
  }
  EXPECT_TRUE(train_on(2, job_.options("run", {"epochs=1"})).ok());
}

TEST_F(TrainTest, ABadFileOfAnAttemptIsRefusedOnAllRanks) {
  TrainOptions options = job_.options("run");
  options.attempt = job_.directory / "not_there.pbtxt";
  EXPECT_EQ(exit_code(train_on(2, options)), 2);
  EXPECT_FALSE(std::filesystem::exists(job_.directory / "run"));
}

TEST_F(TrainTest, ResumesFromTheMiddleOfAnEpochWithAdamToo) {
  const std::vector<std::string> adam = {"optimizer={adam {} weight_decay: 1e-4}",
                                         "schedule={cosine {learning_rate: 0.002}}"};
  ASSERT_TRUE(train_on(1, job_.options("undisturbed", adam)).ok());
  ASSERT_TRUE(train_on(2, job_.options("resumed", adam)).ok());
  // As after a kill at step 21: the checkpoints of later steps are not there.
  std::filesystem::remove(job_.directory / "resumed/checkpoints/step-000000024.h5");
  ASSERT_EQ(job_.result("resumed")->step, 20);
  ASSERT_TRUE(train_on(4, job_.options("resumed", adam)).ok());
  EXPECT_TRUE(identical(job_.result("undisturbed"), job_.result("resumed")));
}

TEST_F(TrainTest, AFinishedRunIsNotTrainedFurther) {
  ASSERT_TRUE(train_on(1, job_.options("run")).ok());
  const StatusOr<Checkpoint> before = job_.result("run");
  ASSERT_TRUE(train_on(2, job_.options("run")).ok());
  EXPECT_TRUE(identical(before, job_.result("run")));
}

TEST_F(TrainTest, AnotherJobInTheSameDirectoryIsRefusedWithTheFieldsThatDiffer) {
  ASSERT_TRUE(train_on(1, job_.options("run")).ok());
  const Status status =
      train_on(2, job_.options("run", {"optimizer.sgd.momentum=0.5", "seed=9", "checkpoint.keep_last=7"}));
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  const std::string message(status.message());
  EXPECT_NE(message.find("optimizer.sgd.momentum"), std::string::npos) << message;
  EXPECT_NE(message.find("seed"), std::string::npos) << message;
  EXPECT_EQ(message.find("keep_last"), std::string::npos) << message;
}

TEST_F(TrainTest, InitFromTakesTheWeightsAndStartsAtStepZero) {
  ASSERT_TRUE(train_on(1, job_.options("first")).ok());
  TrainOptions options = job_.options("second", {"epochs=1"});
  options.init_from = job_.directory / "first";
  ASSERT_TRUE(train_on(2, options).ok());
  ASSERT_TRUE(train_on(2, job_.options("fresh", {"epochs=1"})).ok());
  const StatusOr<Checkpoint> second = job_.result("second");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->step, 8);
  EXPECT_FALSE(identical(second, job_.result("fresh")));
}

TEST_F(TrainTest, DivergenceEndsEveryRankAtTheSameStepAndWritesNothing) {
  const Status status =
      train_on(4, job_.options("run", {"clip_global_norm=1e30", "schedule={constant {learning_rate: 1e30}}"}));
  EXPECT_EQ(exit_code(status), 4) << status;
  EXPECT_NE(std::string(status.message()).find("learning rate"), std::string::npos) << status;
  const StatusOr<Checkpoint> result = job_.result("run");
  EXPECT_TRUE(absl::IsNotFound(result.status())) << result.status();
}

TEST_F(TrainTest, MoreFaultsThanOneAreAllNamed) {
  const Status status = train_on(
      2, job_.options("run", {"batch=33", "optimizer.sgd.momentum=1.5", "epochs=0", "optimizer.sgd.momentun=0.9"}));
  EXPECT_EQ(exit_code(status), 2) << status;
  for (const char* part : {"divisor of batch", "optimizer.sgd.momentum", "epochs", "momentun"}) {
    EXPECT_NE(std::string(status.message()).find(part), std::string::npos) << part << "\n" << status;
  }
}

// What only the rows or the network show beside what the text does.
TEST_F(TrainTest, FaultsOfFieldsHideNoOthers) {
  const auto message = [&](const std::vector<std::string>& overrides) {
    const Status status = train_on(2, job_.options("run", overrides));
    EXPECT_EQ(exit_code(status), 2) << status;
    return std::string(status.message());
  };
  const std::vector<std::string> sizes = {"batch=33", "slices=0", "slices=100000", "batch=0",
                                          "execution.threads_per_rank=0"};
  for (const std::string& batch : sizes) {
    const std::string text = message({batch, "model.layer[0].input=nowhere"});
    EXPECT_NE(text.find(batch.substr(0, batch.find('='))), std::string::npos) << text;
    EXPECT_NE(text.find("nowhere"), std::string::npos) << batch << "\n" << text;
  }
  const std::string none = message({"epochs=0", "data.path=not_there.h5"});
  EXPECT_NE(none.find("epochs"), std::string::npos) << none;
  EXPECT_NE(none.find("not_there.h5"), std::string::npos) << none;
  // A layer that is wrong by itself is not looked at on images.
  const std::string layer = message({"epochs=0", "model.layer[0].convolution.kernel=-3"});
  EXPECT_NE(layer.find("kernel"), std::string::npos) << layer;
}

TEST_F(TrainTest, ThreeRanksAreDeterministicWhenTheyDivideTheSlices) {
  const std::vector<std::string> six = {"batch=36", "slices=6"};
  ASSERT_TRUE(train_on(3, job_.options("a", six)).ok());
  ASSERT_TRUE(train_on(3, job_.options("b", six)).ok());
  EXPECT_TRUE(identical(job_.result("a"), job_.result("b")));
}

}  // namespace
}  // namespace lockstep
