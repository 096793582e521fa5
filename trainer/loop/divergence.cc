#include "trainer/loop/divergence.h"

#include <vector>

namespace lockstep {

Status explain_divergence(Communicator& communicator, const proto::Job& job, std::int64_t step, std::int64_t epoch,
                          const StepOutcome& outcome, std::span<const std::int64_t> bad_rows, SliceLoader& loader) {
  const std::vector<std::int64_t> all = gather_bad_rows(communicator, bad_rows);
  const std::string where =
      fmt::format("step {} (epoch {}): loss or gradients are not finite (loss {})", step, epoch + 1, outcome.loss);
  if (!all.empty()) {
    return diverged(
        fmt::format("{}; pixels that are not finite numbers in rows {} of group {} in {}. Mend or remove "
                    "these rows.",
                    where, loader.rows_text(all), job.data().train(), job.data().path()));
  }
  return diverged(
      fmt::format("{}, and all pixels of the batch are finite: training diverged at learning rate {:.4g}. Lower the "
                  "learning rate, lengthen the warm-up, or set clip_global_norm. The last checkpoint is whole; if the "
                  "loss rose before it, begin from an older one.",
                  where, outcome.learning_rate));
}

}  // namespace lockstep
