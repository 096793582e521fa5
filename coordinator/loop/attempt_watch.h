// Deadlines of the attempts that run now: leases, and stops that were asked for. Knows nothing of processes: it says
// what is due. Its times begin anew when the coordinator starts, so that a restart extends every lease. Threads: one
// thread.
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "coordinator/execute/executor.h"
#include "coordinator/sweep/state.h"

namespace lockstep {

class AttemptWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // A new attempt is watched from now on. False: it is already.
  bool begin(const AttemptKey& key, Clock::time_point now);
  // A report has come.
  void heard(const AttemptKey& key, Clock::time_point now);
  void end(const AttemptKey& key);

  struct Due {
    AttemptKey key;
    enum class What { kAskToStop, kFence, kKill } what;
  };
  // Each is named once.
  std::vector<Due> due(const State& state, Clock::time_point now);
  // How soon due() should be called again.
  Clock::duration period(const State& state) const;

 private:
  struct Entry {
    Clock::time_point heard;
    Clock::time_point stopping{};  // since when it is to stop
    bool asked = false;
    bool killed = false;
  };
  std::map<AttemptKey, Entry> entries_;
};

}  // namespace lockstep
