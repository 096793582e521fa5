// Reports whose number does not rise: they are answered, and nothing is changed, whatever they carry.
#include <gtest/gtest.h>

#include "coordinator/service/call.h"
#include "tests/coordinator/service/service_scene.h"

namespace lockstep {
namespace {

class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    EXPECT_TRUE(scene_.client()->submit(good_submission()).ok());
    const auto read = [this](Coordinator::Desk& desk) {
      id_.set_sweep("s1");
      id_.set_trial(0);
      id_.set_attempt(1);
      id_.set_token(desk.state.sweeps[0].trials[0].live_attempt()->token);
      return OkStatus();
    };
    EXPECT_TRUE(scene_.coordinator().ask<int>(read, [](const State&) { return 0; }).ok());
  }

  // The epoch's evaluation; 0: only that it lives.
  StatusOr<proto::ReportReply> report(std::int64_t seq, int epoch, bool with_point = false) {
    proto::ReportRequest request;
    *request.mutable_attempt() = id_;
    request.set_seq(seq);
    if (epoch > 0) {
      proto::EvalMetric& it = *request.add_eval();
      it.set_epoch(epoch);
      it.set_step(10 * epoch);
      it.set_loss(1);
      it.set_accuracy(0.5);
      request.add_checkpoint()->set_step(10 * epoch);
    }
    if (with_point) request.add_train()->set_step(5);
    grpc::ClientContext context;
    context.AddMetadata("authorization", std::string("Bearer ") + kToken);
    proto::ReportReply reply;
    const grpc::Status status = proto::RunnerService::NewStub(scene_.channel())->Report(&context, request, &reply);
    if (!status.ok()) return from_grpc(status);
    return reply;
  }
  // What the trial has: evaluations, checkpoints.
  std::pair<std::size_t, std::size_t> found() {
    return *scene_.coordinator().ask<std::pair<std::size_t, std::size_t>>(
        [](Coordinator::Desk&) { return OkStatus(); },
        [](const State& state) {
          const Trial& trial = state.sweeps[0].trials[0];
          return std::pair(trial.evaluations.size(), trial.checkpoints.size());
        });
  }
  using Counts = std::pair<std::size_t, std::size_t>;

  ServiceScene scene_;
  proto::AttemptId id_;
};

TEST_F(ReportTest, OneThatDoesNotRiseIsAnsweredAndChangesNothing) {
  ASSERT_TRUE(report(5, 1).ok());
  EXPECT_EQ(found(), Counts(1, 1));
  for (const std::int64_t seq : {5, 4, 0, -1}) {
    const auto reply = report(seq, 2, /*with_point=*/true);
    ASSERT_TRUE(reply.ok()) << seq << ": " << reply.status();
    EXPECT_EQ(reply->directive(), proto::CONTINUE);
    EXPECT_EQ(found(), Counts(1, 1)) << seq;
  }
  ASSERT_TRUE(report(6, 2).ok());  // the control
  EXPECT_EQ(found(), Counts(2, 2));
}

TEST_F(ReportTest, OneThatDoesNotRiseIsAnsweredByTheNextCoordinator) {
  ASSERT_TRUE(report(5, 1).ok());
  scene_.start_again();
  const auto reply = report(5, 2);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(found(), Counts(1, 1));
  ASSERT_TRUE(report(6, 2).ok());
  EXPECT_EQ(found(), Counts(2, 2));
}

TEST_F(ReportTest, TheSecondOfTwoInARoundChangesNothing) {
  StatusOr<proto::ReportReply> first, second;
  scene_.in_one_round({[&] { first = report(5, 1); }, [&] { second = report(5, 2); }});
  ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  EXPECT_EQ(found(), Counts(1, 1));
}

TEST_F(ReportTest, AfterASignOfLifeTheNumberIsUsed) {
  ASSERT_TRUE(report(5, 0).ok());
  ASSERT_TRUE(report(5, 1).ok());
  EXPECT_EQ(found(), Counts(0, 0));
  ASSERT_TRUE(report(6, 1).ok());
  EXPECT_EQ(found(), Counts(1, 1));
}

}  // namespace
}  // namespace lockstep
