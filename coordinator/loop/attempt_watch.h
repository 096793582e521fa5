// Deadlines of the attempts that run now: leases, and stops that were asked for. Knows nothing of processes: it says
// what is due. Its clock is its own: it begins anew when the coordinator starts, so that a restart extends every lease,
// and goes on by one period() at most a round, so that no pause of the coordinator (stopped, a slow disk, a long round)
// counts against attempts that had nobody to tell. Threads: one thread.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "coordinator/execute/executor.h"
#include "coordinator/sweep/state.h"

namespace lockstep {

class AttemptWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // A round begins at that time of the machine. Reports that wait for it are told by heard() before due() judges.
  void begin_round(const State& state, Clock::time_point now);
  bool watches(const AttemptKey& key) const { return entries_.contains(key); }
  // A new attempt is watched from now on.
  void begin(const AttemptKey& key);
  // A report has come.
  void heard(const AttemptKey& key);
  void end(const AttemptKey& key);

  struct Due {
    AttemptKey key;
    enum class What { kAskToStop, kFence, kKill } what;
  };
  // Each is named once.
  std::vector<Due> due(const State& state);
  // How soon the next round should begin.
  Clock::duration period(const State& state) const;

 private:
  struct Entry {
    Clock::time_point heard;
    std::optional<Clock::time_point> stopping;  // since when it is to stop
    bool asked = false;
    bool killed = false;
  };
  std::map<AttemptKey, Entry> entries_;
  Clock::time_point now_;                         // of its own clock
  std::optional<Clock::time_point> round_began_;  // of the machine's
};

}  // namespace lockstep
