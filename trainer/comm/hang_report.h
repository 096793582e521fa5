// What a rank that makes no progress says about the others: pure, from the notes of the ranks whose memory it sees.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "trainer/comm/heartbeat.h"

namespace lockstep {

struct RankNote {
  Phase phase = Phase::kStart;
  std::int64_t step = 0;
  double silent_seconds = 0;  // since it was written
  // Since the rank's watchdog last ran: long when the whole process is stopped, in whatever phase.
  double lifeless_seconds = 0;
};

// `notes`: of the local ranks, which begin at first_local; `rank`, among them, has made no progress. Ranks behind it in
// (step, phase) are named, those that are silent as long as half its own silence outside the reduction and the
// agreement, where ranks wait for each other, and those lifeless as long as that, which have stopped while waiting like
// the others.
std::string hang_report(int rank, int first_local, int ranks, std::span<const RankNote> notes);

}  // namespace lockstep
