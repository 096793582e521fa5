// Calls of one round, each decided on what the one before it has left, and answered when all are durable: a sweep that
// was there when a call was decided may be gone when it is answered.
#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/service/call.h"
#include "tests/coordinator/service/service_scene.h"

namespace lockstep {
namespace {

proto::ChangeRequest change_of(const std::string& sweep, proto::Wish wish) {
  proto::ChangeRequest request;
  request.set_sweep(sweep);
  request.set_wish(wish);
  return request;
}

proto::ChangeRequest stop_of(const std::string& sweep) {
  return change_of(sweep, proto::STOP);
}

proto::CollectRequest collection_of(const std::string& sweep) {
  proto::CollectRequest request;
  request.set_sweep(sweep);
  return request;
}

class OneRound : public testing::Test {
 protected:
  // Its only trial's attempt has ended.
  void submit_and_stop() { submit_and(proto::STOP, proto::SWEEP_STOPPED); }
  void submit_and(proto::Wish wish, proto::SweepState state) {
    const auto client = scene_.client();
    ASSERT_TRUE(client->submit(good_submission()).ok());
    ASSERT_TRUE(client->change(change_of("s1", wish)).ok());
    const auto end_all = [this](Coordinator::Desk&) {
      for (const auto& [key, started] : scene_.executor().under_way()) scene_.executor().end_with_code(key, 75);
      scene_.executor().deliver();
      return OkStatus();
    };
    ASSERT_TRUE(scene_.coordinator().ask<int>(end_all, [](const State&) { return 0; }).ok());
    for (auto view = client->get("s1"); view->state() != state; view = client->get("s1")) {
      ASSERT_TRUE(view.ok());
    }
  }
  std::function<void()> call(std::string name, std::function<Status(Client&)> what) {
    Status& answer = answers_[std::move(name)];
    return [this, &answer, what = std::move(what)] { answer = what(*scene_.client()); };
  }
  std::function<void()> deletion() {
    return call("delete", [](Client& it) { return it.remove("s1"); });
  }
  std::function<void()> list_checkpoints() {
    return call("checkpoints", [this](Client&) {
      proto::CheckpointsRequest request;
      request.set_sweep("s1");
      return from_grpc(lockstep::call(scene_.channel(), "/lockstep.proto.CheckpointService/ListCheckpoints",
                                      request.SerializeAsString(), kToken));
    });
  }

  std::map<std::string, Status> answers_;
  const ServiceScene scene_;
};

TEST_F(OneRound, WhatIsAskedBesideADeletionIsNotFound) {
  ASSERT_NO_FATAL_FAILURE(submit_and_stop());
  scene_.in_one_round({call("get", [](Client& it) { return it.get("s1").status(); }),
                       call("trials", [](Client& it) { return it.trials("s1", false).status(); }),
                       call("change", [](Client& it) { return it.change(stop_of("s1")).status(); }), list_checkpoints(),
                       deletion()});
  EXPECT_TRUE(answers_.at("delete").ok()) << answers_.at("delete");
  for (const char* const name : {"get", "trials", "change", "checkpoints"}) {
    EXPECT_TRUE(absl::IsNotFound(answers_.at(name))) << name << ": " << answers_.at(name);
  }
}

// Those before the deletion have nothing to look up any more; one after it finds no sweep.
TEST_F(OneRound, WhatIsDoneBesideADeletionIsDone) {
  ASSERT_NO_FATAL_FAILURE(submit_and_stop());
  proto::WatchRequest watching;
  watching.set_sweep("s1");
  scene_.in_one_round({call("list", [](Client& it) { return it.list().status(); }),
                       call("collect", [](Client& it) { return it.collect(collection_of("s1")).status(); }),
                       call("watch", [&](Client& it) { return it.watch(watching, [](const auto&) { return true; }); }),
                       deletion(), call("late", [](Client& it) { return it.get("s1").status(); })});
  for (const char* const name : {"list", "collect", "delete"}) {
    EXPECT_TRUE(answers_.at(name).ok()) << name << ": " << answers_.at(name);
  }
  for (const char* const name : {"watch", "late"}) {
    EXPECT_TRUE(absl::IsNotFound(answers_.at(name))) << name << ": " << answers_.at(name);
  }
}

TEST_F(OneRound, ARetryBesideADeletionKeepsTheSweep) {
  ASSERT_NO_FATAL_FAILURE(submit_and_stop());
  proto::RetryRequest request;
  request.set_sweep("s1");
  scene_.in_one_round({call("retry", [&](Client& it) { return it.retry(request).status(); }), deletion()});
  EXPECT_TRUE(absl::IsFailedPrecondition(answers_.at("retry"))) << "none has failed: " << answers_.at("retry");
  EXPECT_TRUE(answers_.at("delete").ok()) << answers_.at("delete");
}

// It has read all there is when the same round brings the end.
TEST_F(OneRound, AWatchTellsAllUpToTheEndOfItsSweep) {
  ASSERT_NO_FATAL_FAILURE(submit_and(proto::PAUSE, proto::SWEEP_PAUSED));
  proto::WatchRequest watching;
  watching.set_sweep("s1");
  watching.set_follow(true);
  watching.set_after_revision(scene_.client()->get("s1")->revision());
  std::vector<std::int64_t> told;
  const auto take = [&](const proto::Event& event) {
    told.push_back(event.revision());
    return true;
  };
  scene_.in_one_round({call("watch", [&](Client& it) { return it.watch(watching, take); }),
                       call("stop", [](Client& it) { return it.change(stop_of("s1")).status(); })});
  EXPECT_TRUE(answers_.at("watch").ok()) << answers_.at("watch");
  const auto view = scene_.client()->get("s1");
  EXPECT_EQ(view->state(), proto::SWEEP_STOPPED);
  ASSERT_FALSE(told.empty()) << "up to revision " << view->revision();
  EXPECT_EQ(told.back(), view->revision());
}

// The control: calls of a round without a deletion find what they ask for.
TEST_F(OneRound, WithoutADeletionAllIsFound) {
  ASSERT_NO_FATAL_FAILURE(submit_and_stop());
  scene_.in_one_round({call("get", [](Client& it) { return it.get("s1").status(); }),
                       call("trials", [](Client& it) { return it.trials("s1", false).status(); }),
                       call("change", [](Client& it) { return it.change(stop_of("s1")).status(); }),
                       list_checkpoints()});
  for (const auto& [name, status] : answers_) EXPECT_TRUE(status.ok()) << name << ": " << status;
}

}  // namespace
}  // namespace lockstep
