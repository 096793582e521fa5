#include "coordinator/loop/attempt_watch.h"

#include <algorithm>

namespace lockstep {
namespace {

using Clock = AttemptWatch::Clock;

constexpr auto kMostPatience = std::chrono::seconds(10);

Clock::duration lease_of(const Sweep& sweep) {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(sweep.spec.retries().lease_seconds()));
}

}  // namespace

void AttemptWatch::begin_round(const State& state, Clock::time_point now) {
  if (round_began_) now_ += std::min(now - *round_began_, period(state));
  round_began_ = now;
}

void AttemptWatch::begin(const AttemptKey& key) {
  entries_.try_emplace(key, Entry{.heard = now_, .stopping = {}});
}

void AttemptWatch::heard(const AttemptKey& key) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) found->second.heard = now_;
}

void AttemptWatch::end(const AttemptKey& key) {
  entries_.erase(key);
}

std::vector<AttemptWatch::Due> AttemptWatch::due(const State& state) {
  std::vector<Due> found;
  for (auto& [key, entry] : entries_) {
    const Sweep* const sweep = state.find(key.sweep);
    if (sweep == nullptr || entry.killed) continue;
    const Trial& trial = sweep->trials[static_cast<std::size_t>(key.trial)];
    const Clock::duration lease = lease_of(*sweep);
    const Clock::duration patience = std::min<Clock::duration>(lease, kMostPatience);
    const bool stops = trial.is_asked();
    if (!stops) {
      entry.stopping.reset();
    } else if (!entry.stopping) {
      entry.stopping = now_;
    }
    if (now_ - entry.heard > lease) {
      entry.killed = true;
      found.push_back({key, Due::What::kFence});
    } else if (stops && now_ - *entry.stopping > lease + patience) {
      entry.killed = true;
      found.push_back({key, Due::What::kKill});
    } else if (stops && !entry.asked && now_ - *entry.stopping > patience) {
      entry.asked = true;
      found.push_back({key, Due::What::kAskToStop});
    }
  }
  return found;
}

Clock::duration AttemptWatch::period(const State& state) const {
  Clock::duration shortest = std::chrono::seconds(1);
  for (const auto& [key, entry] : entries_) {
    if (const Sweep* const sweep = state.find(key.sweep)) shortest = std::min(shortest, lease_of(*sweep) / 8);
  }
  return std::max<Clock::duration>(shortest, std::chrono::milliseconds(10));
}

}  // namespace lockstep
