#include "trainer/loop/evaluation.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <memory>
#include <numeric>

#include "trainer/loop/agreement.h"
#include "trainer/loop/bad_rows.h"
#include "trainer/loop/stop_request.h"
#include "trainer/metrics/scores.h"

namespace lockstep {
namespace {

// How many slices pass between two looks at whether to stop.
constexpr std::int64_t kSlicesBetweenLooks = 64;

// Of one row.
struct Guess {
  static constexpr std::int32_t kNone = -1;  // a row that is not there
  std::int32_t label = kNone;
  std::int32_t prediction = kNone;
  auto operator<=>(const Guess&) const = default;
};

class Evaluation {
 public:
  Evaluation(Communicator& communicator, Network& network, SliceLoader& loader, const EvaluationOptions& options)
      : communicator_(communicator), network_(network), loader_(loader), options_(options) {
    scores_ = Scores::make(options.target);
    const int slice_rows = network.options().slice_rows;
    slices_ = (options.rows + slice_rows - 1) / slice_rows;
    rounds_ = (slices_ + communicator.size() - 1) / communicator.size();
    losses_.resize(static_cast<std::size_t>(rounds_));
    outputs_ = options.target.outputs();
    values_ = options.target.values();
    if (scores_->needs_rows()) kept_.resize(losses_.size() * slice_values());
    // A matrix of all classes would not fit where there are many.
    if (options.confusion) guesses_.resize(static_cast<std::size_t>(rounds_ * slice_rows));
    auto plan = plan_evaluation(options.rows, slice_rows, communicator.rank(), communicator.size());
    mine_ = plan->slices();
    loader.start(std::move(plan));
  }

  StatusOr<EvaluationResult> run() {
    Status status;
    for (std::int64_t round = 0; round < rounds_; ++round) {
      note(Phase::kEvaluation, round);
      if (status.ok() && round < mine_) status = one_slice(round);
      if ((round + 1) % kSlicesBetweenLooks == 0 || round + 1 == rounds_) {
        if (status.ok() && (stop_requested() || options_.out_of_time()))
          status = stopped("stop requested during evaluation");
        note(Phase::kAgreement, round);
        RETURN_IF_ERROR(agree(communicator_, status));
      }
    }
    const std::vector<std::int64_t> bad_rows = gather_bad_rows(communicator_, bad_rows_);
    if (!bad_rows.empty()) {
      return bad_data(fmt::format("pixels that are not finite numbers in rows {}; mend or remove these rows",
                                  loader_.rows_text(bad_rows)));
    }
    return gather();
  }

 private:
  std::size_t slice_rows() const { return static_cast<std::size_t>(network_.options().slice_rows); }
  std::size_t slice_values() const { return slice_rows() * (outputs_ + values_); }

  void note(Phase phase, std::int64_t round) {
    if (options_.heartbeat != nullptr) options_.heartbeat->note(phase, round);
  }

  Status one_slice(std::int64_t round) {
    ASSIGN_OR_RETURN(const LoadedSlice loaded, loader_.next());
    if (!loaded.finite) note_bad_rows(loaded, bad_rows_);
    const Slice slice{.images = loaded.images, .targets = loaded.targets, .rows = loaded.rows, .epoch = loaded.epoch};
    const auto place = static_cast<std::size_t>(round);
    const SliceResult result = network_.evaluate_slice(slice, loaded.valid_rows);
    losses_[place] = result.loss_sum;
    counted_ += result.counted;
    const auto rows = static_cast<std::size_t>(loaded.valid_rows);
    const auto outputs = network_.logits().first(rows * outputs_);
    const auto targets = loaded.targets.first(rows * values_);
    scores_->add(outputs, targets);
    if (!kept_.empty()) {
      const auto kept = std::span(kept_).subspan(place * slice_values(), slice_values());
      std::ranges::copy(targets, std::ranges::copy(outputs, kept.begin()).out);
    }
    for (std::size_t row = 0; options_.confusion && row < rows; ++row) {
      const std::int32_t prediction = predicted_class(outputs.subspan(row * outputs_, outputs_));
      if (prediction < 0 || static_cast<int>(targets[row]) == options_.target.ignored) continue;
      guesses_[place * slice_rows() + row] = {.label = static_cast<std::int32_t>(targets[row]),
                                              .prediction = prediction};
    }
    return OkStatus();
  }

  // Of every rank, in their order.
  template <class Value>
  std::vector<Value> gather_all(const std::vector<Value>& mine) {
    std::vector<Value> all(mine.size() * static_cast<std::size_t>(communicator_.size()));
    communicator_.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));
    return all;
  }

  // Where the slice is in what was gathered of all rounds.
  std::size_t place_of(std::size_t slice) const {
    const auto size = static_cast<std::size_t>(communicator_.size());
    return slice % size * losses_.size() + slice / size;
  }

  EvaluationResult gather() {
    EvaluationResult result;
    result.rows = options_.rows;
    const std::vector<float> losses = gather_all(losses_);
    for (std::size_t slice = 0; slice < static_cast<std::size_t>(slices_); ++slice) {
      result.loss += losses[place_of(slice)];  // in this order, so that the ranks' number does not show
    }
    std::int64_t counted = 0;
    for (const std::int64_t of_a_rank : gather_all(std::vector<std::int64_t>{counted_})) counted += of_a_rank;
    result.loss /= static_cast<double>(counted);  // not a number when no row counts
    const std::span<std::int64_t> counts = scores_->counts();
    const std::vector<std::int64_t> all = gather_all(std::vector<std::int64_t>(counts.begin(), counts.end()));
    for (std::size_t i = 0; i < counts.size(); ++i) {
      counts[i] = 0;
      for (std::size_t at = i; at < all.size(); at += counts.size()) counts[i] += all[at];
    }
    result.metrics = gather_metrics();
    if (options_.confusion) result.confusion = gather_confusion();
    return result;
  }

  std::vector<MetricValue> gather_metrics() {
    if (!scores_->needs_rows()) return scores_->values(options_.rows, {}, {});
    const std::vector<float> all = gather_all(kept_);
    std::vector<float> outputs, targets;
    outputs.reserve(static_cast<std::size_t>(options_.rows) * outputs_);
    targets.reserve(static_cast<std::size_t>(options_.rows) * values_);
    for (std::size_t slice = 0; slice < static_cast<std::size_t>(slices_); ++slice) {
      const std::size_t rows = std::min(slice_rows(), static_cast<std::size_t>(options_.rows) - slice * slice_rows());
      const auto part = std::span(all).subspan(place_of(slice) * slice_values());
      const auto of_outputs = part.first(rows * outputs_);
      const auto of_targets = part.subspan(rows * outputs_, rows * values_);
      outputs.insert(outputs.end(), of_outputs.begin(), of_outputs.end());
      targets.insert(targets.end(), of_targets.begin(), of_targets.end());
    }
    return scores_->values(options_.rows, outputs, targets);
  }

  std::vector<ConfusionCell> gather_confusion() {
    std::vector<Guess> all = gather_all(guesses_);
    std::sort(all.begin(), all.end());
    std::vector<ConfusionCell> cells;
    for (const Guess& guess : all) {
      if (guess.label == Guess::kNone) continue;
      const bool same =
          !cells.empty() && cells.back().label == guess.label && cells.back().prediction == guess.prediction;
      if (!same) cells.push_back({.label = guess.label, .prediction = guess.prediction});
      ++cells.back().rows;
    }
    return cells;
  }

  Communicator& communicator_;
  Network& network_;
  SliceLoader& loader_;
  EvaluationOptions options_;
  std::int64_t slices_ = 0;  // of all ranks
  std::int64_t rounds_ = 0;  // of the rank that has most
  std::int64_t mine_ = 0;
  std::size_t outputs_ = 0;  // of a row
  std::size_t values_ = 0;   // of the target of a row
  std::unique_ptr<Scores> scores_;
  std::vector<float> losses_;           // sum over the rows of a slice, by round
  std::int64_t counted_ = 0;            // rows of this rank
  std::vector<float> kept_;             // outputs and targets of a slice, by round, where the scores need them
  std::vector<std::int64_t> bad_rows_;  // of this rank
  std::vector<Guess> guesses_;          // by row of this rank's rounds
};

}  // namespace

StatusOr<EvaluationResult> evaluate(Communicator& communicator, Network& network, SliceLoader& loader,
                                    const EvaluationOptions& options) {
  return Evaluation(communicator, network, loader, options).run();
}

}  // namespace lockstep
