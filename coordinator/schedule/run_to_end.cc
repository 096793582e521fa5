#include "coordinator/schedule/run_to_end.h"

#include <algorithm>

#include "coordinator/schedule/rungs.h"

namespace lockstep {

Next next_to_end(std::span<const TrialProgress> progress, int most_trials) {
  const auto created = static_cast<int>(progress.size());
  if (created >= most_trials) return wait_or_done(progress);
  return {.what = Next::What::kCreate, .reason = fmt::format("trial {} of {}, to the end", created + 1, most_trials)};
}

Next wait_or_done(std::span<const TrialProgress> progress) {
  const auto count = [&](TrialProgress::State state) {
    return static_cast<int>(
        std::count_if(progress.begin(), progress.end(), [&](const TrialProgress& it) { return it.state == state; }));
  };
  const int running = count(TrialProgress::State::kRunning);
  if (running > 0) return {.what = Next::What::kWait, .reason = "waits for " + count_text(running, "trial")};
  const int paused = count(TrialProgress::State::kPaused);
  return {.what = Next::What::kDone,
          .reason = paused == 0 ? "all trials have ended"
                                : fmt::format("no more trials go on, {} that paused {} stopped", paused,
                                              paused == 1 ? "is" : "are")};
}

}  // namespace lockstep
