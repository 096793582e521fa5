// The promises of the loop, with threads of one process as ranks; tests/e2e has them with mpirun.
#include <fstream>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include "storage/checkpoint/diff.h"
#include "tests/trainer/loop/small_job.h"
#include "trainer/comm/thread_communicator.h"
#include "trainer/loop/stop_request.h"
#include "trainer/loop/trainer.h"

namespace lockstep {
namespace {

// Trains on `ranks` threads; every rank must return the same code.
Status train_on(int ranks, const TrainOptions& options) {
  std::mutex mutex;
  std::vector<Status> all;
  run_in_threads(ranks, [&](Communicator& communicator) {
    const Status status = train(communicator, options);
    const std::lock_guard lock(mutex);
    all.push_back(status);
  });
  for (const Status& status : all) EXPECT_EQ(status.code(), all[0].code()) << status << "\n" << all[0];
  return all[0];
}

bool identical(const StatusOr<Checkpoint>& a, const StatusOr<Checkpoint>& b) {
  EXPECT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
  return a.ok() && b.ok() && diff_checkpoints(*a, *b).identical;
}

class TrainTest : public testing::Test {
 protected:
  void SetUp() override { clear_stop_request(); }
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

TEST_F(TrainTest, TrainsOnWhileNoCoordinatorAnswers) {
  ASSERT_TRUE(train_on(1, job_.options("alone")).ok());
  TrainOptions options = job_.options("attempt");
  options.attempt = job_.directory / "attempt.pbtxt";
  std::ofstream(job_.directory / "token") << "secret\n";
  std::ofstream(options.attempt)
      << "sweep: \"s1\" trial: 0 attempt: 1 token: \"t\" coordinator: \"127.0.0.1:1\" token_file: \""
      << (job_.directory / "token").string() << "\"\n";
  ASSERT_TRUE(train_on(2, options).ok());
  EXPECT_TRUE(identical(job_.result("alone"), job_.result("attempt")));
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

TEST_F(TrainTest, ThreeRanksAreDeterministicWhenTheyDivideTheSlices) {
  const std::vector<std::string> six = {"batch=36", "slices=6"};
  ASSERT_TRUE(train_on(3, job_.options("a", six)).ok());
  ASSERT_TRUE(train_on(3, job_.options("b", six)).ok());
  EXPECT_TRUE(identical(job_.result("a"), job_.result("b")));
}

}  // namespace
}  // namespace lockstep
