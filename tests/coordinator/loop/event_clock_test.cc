#include "coordinator/loop/event_clock.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

struct Clocks {
  std::int64_t wall = 1'000'000;
  std::int64_t steady = 500;
  EventClock clock(std::int64_t last_ms) {
    return EventClock(last_ms, [this] { return wall; }, [this] { return steady; });
  }
  void pass(std::int64_t ms) {
    wall += ms;
    steady += ms;
  }
};

TEST(EventClock, IsTheWallClock) {
  Clocks clocks;
  const EventClock clock = clocks.clock(0);
  EXPECT_EQ(clock.now_ms(), 1'000'000);
  clocks.pass(25);
  EXPECT_EQ(clock.now_ms(), 1'000'025);
}

TEST(EventClock, GoesOnWhenTheWallClockIsSetBack) {
  Clocks clocks;
  const EventClock clock = clocks.clock(0);
  clocks.wall -= 3'600'000;
  EXPECT_EQ(clock.now_ms(), 1'000'000);
  clocks.pass(1000);
  EXPECT_EQ(clock.now_ms(), 1'001'000) << "a wait of a second is over";
  clocks.wall += 7'200'000;
  EXPECT_EQ(clock.now_ms(), clocks.wall) << "it follows";
  clocks.wall -= 7'200'000;
  clocks.pass(1);
  EXPECT_EQ(clock.now_ms(), clocks.wall + 7'200'000);
}

TEST(EventClock, BeginsBehindTheLastEvent) {
  Clocks clocks;
  const EventClock clock = clocks.clock(2'000'000);
  EXPECT_EQ(clock.now_ms(), 2'000'000);
  clocks.pass(10);
  EXPECT_EQ(clock.now_ms(), 2'000'010);
}

}  // namespace
}  // namespace lockstep
