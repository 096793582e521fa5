// The loop with an executor that starts nothing and a store in memory.
#include "coordinator/loop/coordinator.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "coordinator/execute/fake_executor.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

class CoordinatorTest : public testing::Test {
 protected:
  CoordinatorTest() {
    CoordinatorOptions options;
    options.state_directory = folder_.path();
    auto opened = Coordinator::open(options, make_memory_store(), [](std::function<void(const Ended&)> on_ended) {
      return std::make_unique<FakeExecutor>(std::vector<int>(), std::move(on_ended));
    });
    EXPECT_TRUE(opened.ok()) << opened.status();
    coordinator_ = *std::move(opened);
    loop_ = std::thread([this] { EXPECT_TRUE(coordinator_->run().ok()); });
  }
  ~CoordinatorTest() override {
    coordinator_->stop();
    loop_.join();
  }

  // As the service does for a request with an id: the reply of the first time, or a new sweep. Returns its name.
  std::string submit(const std::string& id) {
    auto name = std::make_shared<std::string>();
    const auto reply = coordinator_->ask<std::string>(
        [this, id, name](Coordinator::Desk& desk) -> Status {
          ++decisions_;
          ASSIGN_OR_RETURN(const auto earlier, desk.store.find_request(id));
          *name = earlier ? earlier->response : fmt::format("s{}", desk.state.submitted + 1);
          if (earlier) return OkStatus();
          proto::Event& event = desk.commit.events.emplace_back();
          event.set_sweep(*name);
          event.mutable_sweep_submitted()->mutable_spec()->set_name("sample");
          desk.commit.request = {.id = id, .hash = "hash", .response = *name};
          return OkStatus();
        },
        [name](const State&) { return *name; });
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? *reply : "";
  }

  // While the loop is held in a round, all `requests` are made; they wait together for the next one.
  void in_one_round(const std::vector<std::function<void()>>& requests) {
    std::atomic<bool> held = false, go_on = false;
    std::thread holder([&] {
      const auto hold = [&](Coordinator::Desk&) {
        held = true;
        while (!go_on) std::this_thread::yield();
        return OkStatus();
      };
      EXPECT_TRUE(coordinator_->ask<int>(hold, [](const State&) { return 0; }).ok());
    });
    while (!held) std::this_thread::yield();
    std::vector<std::thread> threads;
    for (const auto& request : requests) threads.emplace_back(request);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // until all wait
    go_on = true;
    holder.join();
    for (std::thread& thread : threads) thread.join();
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Coordinator> coordinator_;
  std::thread loop_;
  std::atomic<int> decisions_ = 0;
};

TEST_F(CoordinatorTest, ARequestThatComesTwiceInARoundIsDoneOnce) {
  int together = 0;
  for (int i = 1; i <= 20; ++i) {
    decisions_ = 0;
    std::string one, other;
    const std::string id = fmt::format("request {}", i);
    in_one_round({[&] { one = submit(id); }, [&] { other = submit(id); }});
    EXPECT_EQ(one, fmt::format("s{}", i));
    EXPECT_EQ(other, one);
    together += decisions_ == 3 ? 1 : 0;  // the second was decided, put off, and decided again
  }
  EXPECT_GT(together, 0);
}

TEST_F(CoordinatorTest, TwoRequestsOfARoundAreTwo) {
  std::string one, other;
  in_one_round({[&] { one = submit("a"); }, [&] { other = submit("b"); }});
  EXPECT_NE(one, other);
  EXPECT_EQ(decisions_, 2);
}

// A sweep that is submitted now would be s1, and find the results of that one in its directory.
TEST(UnknownSweepsTest, AreNotWrittenOver) {
  const TemporaryDirectory folder;
  const auto open = [&] {
    CoordinatorOptions options;
    options.state_directory = folder.path();
    const auto make_executor = [](const auto& on_ended) {
      return std::make_unique<FakeExecutor>(std::vector<int>(), on_ended);
    };
    return Coordinator::open(options, make_memory_store(), make_executor).status();
  };
  for (const char* const name : {"s", "s1x", "other"}) std::filesystem::create_directories(folder / "sweeps" / name);
  EXPECT_TRUE(open().ok()) << open();
  std::filesystem::create_directory(folder / "sweeps/s1");
  EXPECT_EQ(exit_code(open()), 3);
  EXPECT_NE(open().message().find("sweeps/s1: the log knows 0 sweeps"), std::string::npos) << open();
}

}  // namespace
}  // namespace lockstep
