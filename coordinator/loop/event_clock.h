// The time of events: that of the wall clock, but never back, and never standing still.
//
// It goes on with a clock that nobody sets; where the wall clock is ahead of it, it follows. So when the wall clock is
// set back, events still have their order and waits still end; the two agree again when the wall clock has caught up.
// Threads: any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace lockstep {

class EventClock {
 public:
  using ReadMs = std::function<std::int64_t()>;

  // `last_ms`: of the last event of the log; 0: there is none.
  EventClock(std::int64_t last_ms, ReadMs wall, ReadMs steady)
      : wall_(std::move(wall)), steady_(std::move(steady)), begin_ms_(std::max(last_ms, wall_()) - steady_()) {}

  std::int64_t now_ms() const {
    const std::int64_t steady = steady_();
    const std::int64_t ahead = wall_() - steady;
    std::int64_t begin = begin_ms_;
    while (begin < ahead && !begin_ms_.compare_exchange_weak(begin, ahead)) {
    }
    return std::max(begin, ahead) + steady;
  }

 private:
  ReadMs wall_;
  ReadMs steady_;
  mutable std::atomic<std::int64_t> begin_ms_;
};

}  // namespace lockstep
