// What the tests of the loop share: a coordinator on a directory, time that is only a number, and the log as the next
// coordinator finds it.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "coordinator/execute/fake_executor.h"
#include "coordinator/loop/coordinator.h"
#include "coordinator/sweep/commands.h"
#include "tests/coordinator/store/sample.h"

namespace lockstep {

inline const Machine kMachine = {.cores = 4, .root = "/data"};

// Passes when a test says so. Requires: it outlives who has its clocks.
class VirtualTime {
 public:
  void pass(std::chrono::milliseconds time) {
    running_ += time;
    wall_ms_ += time.count();
  }
  // Somebody sets the clock on the wall.
  void step_wall(std::chrono::milliseconds time) { wall_ms_ += time.count(); }
  Outside outside() const {
    Outside outside = real_outside();
    outside.wall_ms = [this] { return wall_ms_; };
    outside.running = [this] { return running_; };
    return outside;
  }

 private:
  AttemptWatch::Clock::time_point running_{std::chrono::hours(1)};
  std::int64_t wall_ms_ = 1'000'000;
};

using MakeExecutor = std::function<std::unique_ptr<FakeExecutor>(OnEnded)>;

// A coordinator whose executor is `executor`, made by `make`.
struct LoopScene {
  std::unique_ptr<Coordinator> coordinator;
  FakeExecutor* executor = nullptr;
};

inline LoopScene open_coordinator(
    const std::filesystem::path& directory, std::unique_ptr<Store> store,
    const MakeExecutor& make =
        [](OnEnded on_ended) {
          return std::make_unique<FakeExecutor>(std::vector<int>{0, 1, 2, 3}, std::move(on_ended));
        },
    Outside outside = real_outside()) {
  LoopScene scene;
  auto coordinator = Coordinator::open({.state_directory = directory,
                                        .machine = kMachine,
                                        .cores = {0, 1, 2, 3},
                                        .runner = {.trainer = "/bin/true", .mpirun = {"mpirun"}},
                                        .outside = std::move(outside)},
                                       std::move(store), [&](OnEnded on_ended) {
                                         std::unique_ptr<FakeExecutor> executor = make(std::move(on_ended));
                                         scene.executor = executor.get();
                                         return executor;
                                       });
  CHECK(coordinator.ok(), "{}", std::string(coordinator.status().message()));
  scene.coordinator = *std::move(coordinator);
  return scene;
}

// Runs `work` on the loop's thread; true when it was OK and what it left is durable.
inline bool on_loop(Coordinator& coordinator, const std::function<Status(Coordinator::Desk&)>& work) {
  return coordinator.ask<bool>(work, [](const State&) { return true; }).ok();
}

inline bool submit(Coordinator& coordinator, const proto::SweepSpec& spec) {
  return on_loop(coordinator, [&](Coordinator::Desk& desk) -> Status {
    ASSIGN_OR_RETURN(desk.commit.events, submit(desk.state, spec));
    return OkStatus();
  });
}

// What the log gives.
inline State state_in(const std::filesystem::path& file) {
  State state;
  for (const proto::Event& event : events_after(*open_store(file), 0)) apply(state, event);
  return state;
}

}  // namespace lockstep
