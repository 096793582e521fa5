#include "trainer/comm/hang_report.h"

#include <tuple>
#include <vector>

#include <absl/strings/str_join.h>

#include "storage/base/status.h"

namespace lockstep {
namespace {

const char* name_of(Phase phase) {
  switch (phase) {
    case Phase::kStart:
      return "start";
    case Phase::kData:
      return "data";
    case Phase::kForwardBackward:
      return "forward and backward";
    case Phase::kReduction:
      return "reduction";
    case Phase::kUpdate:
      return "update";
    case Phase::kEvaluation:
      return "evaluation";
    case Phase::kCheckpoint:
      return "checkpoint";
    case Phase::kAgreement:
      return "agreement";
    case Phase::kEnd:
      return "end";
  }
  CHECK(false, "phase {}", static_cast<int>(phase));
}

std::string range(int first, int last) {
  return first == last ? fmt::format("rank {}", first) : fmt::format("ranks {}-{}", first, last);
}

// In these a rank waits for the others.
bool is_waiting(Phase phase) {
  return phase == Phase::kReduction || phase == Phase::kAgreement;
}

bool is_lifeless(const RankNote& note, const RankNote& mine) {
  return note.lifeless_seconds >= mine.silent_seconds / 2;
}

bool is_behind(const RankNote& note, const RankNote& mine) {
  const bool lags = std::tie(note.step, note.phase) < std::tie(mine.step, mine.phase);
  return lags || is_lifeless(note, mine) || (!is_waiting(note.phase) && note.silent_seconds >= mine.silent_seconds / 2);
}

}  // namespace

std::string hang_report(int rank, int first_local, int ranks, std::span<const RankNote> notes) {
  const RankNote& mine = notes[static_cast<std::size_t>(rank - first_local)];
  std::vector<std::string> behind;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (&notes[i] == &mine || !is_behind(notes[i], mine)) continue;
    behind.push_back(fmt::format("rank {} ({}, step {}, silent for {:.1f} s{})", first_local + static_cast<int>(i),
                                 name_of(notes[i].phase), notes[i].step, notes[i].silent_seconds,
                                 is_lifeless(notes[i], mine) ? ", its process is stopped" : ""));
  }
  std::string text = fmt::format("rank {}: no progress for {:.1f} s ({}, step {})", rank, mine.silent_seconds,
                                 name_of(mine.phase), mine.step);
  if (!is_waiting(mine.phase)) text += "; this rank itself hangs";
  if (!behind.empty()) text += fmt::format("; behind: {}", absl::StrJoin(behind, ", "));
  const int after_local = first_local + static_cast<int>(notes.size());
  std::vector<std::string> unseen;
  if (first_local > 0) unseen.push_back(range(0, first_local - 1));
  if (after_local < ranks) unseen.push_back(range(after_local, ranks - 1));
  if (!unseen.empty())
    text += fmt::format("; {}, on other hosts, not visible from this host", absl::StrJoin(unseen, " and "));
  return text;
}

}  // namespace lockstep
