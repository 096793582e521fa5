#include "trainer/loop/train_step.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "trainer/optim/gradient_norm.h"
#include "trainer/optim/schedule.h"
#include "trainer/tensor/finite.h"

namespace lockstep {
namespace {

// Places in the tail of the reduced array. Sums over slices; the last four count slices.
enum Tail : std::size_t { kLoss, kCorrect, kNotFinite, kNotLoaded, kStop, kCheckpoint };

}  // namespace

TrainStep::TrainStep(const Parts& parts, const proto::Job& job, int slices_of_this_rank, std::int64_t steps_per_epoch,
                     std::int64_t total_steps)
    : parts_(parts),
      job_(job),
      slices_(slices_of_this_rank),
      steps_per_epoch_(steps_per_epoch),
      total_steps_(total_steps),
      final_from_([&reducer = parts.reducer](std::size_t offset) { reducer.final_from(offset); }) {
  bad_rows_.reserve(kMostBadRows);
  if (!job.has_clip_global_norm()) return;
  const std::size_t blocks = norm_blocks(parts.network.parameter_values().size());
  squares_ = parts.parted_update.shared_sums(blocks);
  if (!squares_.empty()) return;
  own_squares_.resize(blocks);
  squares_ = own_squares_;
}

StepOutcome TrainStep::run(std::int64_t step, const StepRequests& requests) {
  bad_rows_.clear();
  for (int i = 0; i < slices_; ++i) run_slice(step, requests, i == 0);

  parts_.heartbeat.note(Phase::kReduction, step);
  const std::size_t parameters = parts_.network.parameter_values().size();
  const std::span<float> sum = parts_.reducer.reduce_shares();
  const bool finite = parts_.parted_update.agree(part_is_finite(sum.first(parameters)));
  parts_.account.book(TimeShare::kReduction);

  const std::size_t elements = parts_.network.gradient_elements();
  const std::span<const float> tail = sum.subspan(elements);
  const auto rows = static_cast<double>(job_.batch());
  StepOutcome outcome;
  outcome.loss = static_cast<double>(tail[kLoss]) / rows;
  outcome.accuracy = static_cast<double>(tail[kCorrect]) / rows;
  outcome.learning_rate = learning_rate_at(job_.schedule(), step, steps_per_epoch_, total_steps_, plateau_scale_);
  outcome.finite = tail[kNotFinite] == 0 && std::isfinite(tail[kLoss]) && finite &&
                   all_finite(sum.subspan(parameters, elements - parameters));
  outcome.loaded = tail[kNotLoaded] == 0;
  outcome.stop = tail[kStop] > 0;
  outcome.checkpoint = tail[kCheckpoint] > 0;

  parts_.heartbeat.note(Phase::kUpdate, step);
  const bool good = outcome.finite && outcome.loaded;
  if (good) update(sum, step, static_cast<float>(outcome.learning_rate));
  parts_.heartbeat.note(Phase::kAgreement, step);
  parts_.parted_update.done();
  parts_.heartbeat.note(Phase::kUpdate, step);
  if (good) {
    parts_.network.parameters_changed();
    parts_.network.update_buffers(sum.first(elements));
    if (parts_.average != nullptr) parts_.average->update_buffers(parts_.network.buffer_values(), step + 1);
  }
  parts_.account.book(TimeShare::kUpdate);
  return outcome;
}

void TrainStep::run_slice(std::int64_t step, const StepRequests& requests, bool first) {
  parts_.heartbeat.note(Phase::kData, step);
  const SumTarget target = parts_.reducer.begin_slice();
  std::array<float, kTailElements> tail{};
  tail[kStop] = first && requests.stop ? 1.0F : 0.0F;
  tail[kCheckpoint] = first && requests.checkpoint ? 1.0F : 0.0F;

  // After a failure the plan has ended; the rank still takes part in the reduction, so that all stop together.
  StatusOr<LoadedSlice> loaded = load_status_.ok() ? parts_.loader.next() : StatusOr<LoadedSlice>(load_status_);
  parts_.account.book(TimeShare::kData);
  parts_.heartbeat.note(Phase::kForwardBackward, step);
  if (!loaded.ok()) {
    load_status_ = loaded.status();
    if (!target.add) std::fill_n(target.arrays[0], target.elements, 0.0F);
    tail[kNotLoaded] = 1;
  } else {
    const Slice slice{.images = loaded->images,
                      .targets = loaded->targets,
                      .rows = loaded->keys,
                      .epoch = loaded->epoch,
                      .blended = {loaded->other_targets, loaded->weights}};
    const SliceResult result = parts_.network.train_slice(
        slice, 1.0F / static_cast<float>(job_.batch()), 1.0F / static_cast<float>(job_.slices()), target, final_from_);
    tail[kLoss] = result.loss_sum;
    tail[kCorrect] = result.correct;
    if (!result.finite || !loaded->finite) tail[kNotFinite] = 1;
    if (!loaded->finite) note_bad_rows(*loaded, bad_rows_);
  }
  target.put(parts_.network.gradient_elements(), tail.data(), tail.size());
  parts_.reducer.slice_done();
  parts_.account.book(TimeShare::kCompute);
}

// Of this rank's part of the gradients; for clipping, with the squares of its blocks.
bool TrainStep::part_is_finite(std::span<const float> gradients) {
  bool finite = true;
  for (const PartedUpdate::Range& range : parts_.parted_update.part()) {
    finite = (squares_.empty() ? all_finite(gradients.subspan(range.begin, range.end - range.begin))
                               : sum_squares(gradients, range.begin, range.end, squares_)) &&
             finite;
  }
  return finite;
}

void TrainStep::update(std::span<const float> sum, std::int64_t step, float learning_rate) {
  const std::span<const float> gradients = sum.first(parts_.network.parameter_values().size());
  float gradient_scale = 1;
  if (!squares_.empty()) {
    const double norm = norm_of(squares_);
    if (norm > job_.clip_global_norm()) gradient_scale = static_cast<float>(job_.clip_global_norm() / norm);
  }
  for (const PartedUpdate::Range& range : parts_.parted_update.part()) {
    parts_.optimizer.update(parts_.network.parameter_values(), gradients, gradient_scale, learning_rate, step + 1,
                            range.begin, range.end);
    if (parts_.average != nullptr) {
      parts_.average->update(parts_.network.parameter_values(), step + 1, range.begin, range.end);
    }
  }
}

}  // namespace lockstep
