#include "trainer/loop/divergence.h"

#include <algorithm>
#include <array>
#include <vector>

namespace lockstep {

Status explain_divergence(Communicator& communicator, const proto::Job& job, std::int64_t step, std::int64_t epoch,
                          const StepOutcome& outcome, std::span<const std::int64_t> bad_rows) {
  CHECK(bad_rows.size() <= TrainStep::kMostBadRows);
  std::array<std::int64_t, TrainStep::kMostBadRows> mine;
  mine.fill(-1);
  std::copy(bad_rows.begin(), bad_rows.end(), mine.begin());
  std::vector<std::int64_t> all(mine.size() * static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));
  std::erase(all, -1);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  const std::string where =
      fmt::format("step {} (epoch {}): loss or gradients are not finite (loss {})", step, epoch + 1, outcome.loss);
  if (!all.empty()) {
    return diverged(
        fmt::format("{}; pixels that are not finite numbers in rows {} of group {} in {}. Mend or remove "
                    "these rows.",
                    where, fmt::join(all, ", "), job.data().train(), job.data().path()));
  }
  return diverged(
      fmt::format("{}, and all pixels of the batch are finite: training diverged at learning rate {:.4g}. Lower the "
                  "learning rate, lengthen the warm-up, or set clip_global_norm; the last checkpoint is good.",
                  where, outcome.learning_rate));
}

}  // namespace lockstep
