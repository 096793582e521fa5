#include "trainer/loop/evaluation.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <numeric>

#include "trainer/loop/agreement.h"
#include "trainer/loop/bad_rows.h"
#include "trainer/loop/stop_request.h"

namespace lockstep {
namespace {

// How many slices pass between two looks at whether to stop.
constexpr std::int64_t kSlicesBetweenLooks = 64;

// One slice's part of the result. Summed in slice order at the end, so that the ranks' number does not show.
struct Part {
  float loss_sum = 0;
  std::int32_t correct = 0;
  std::int32_t correct_top5 = 0;
};

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
    const int slice_rows = network.options().slice_rows;
    slices_ = (options.rows + slice_rows - 1) / slice_rows;
    rounds_ = (slices_ + communicator.size() - 1) / communicator.size();
    parts_.resize(static_cast<std::size_t>(rounds_));
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
                                  fmt::join(bad_rows, ", ")));
    }
    return gather();
  }

 private:
  void note(Phase phase, std::int64_t round) {
    if (options_.heartbeat != nullptr) options_.heartbeat->note(phase, round);
  }

  Status one_slice(std::int64_t round) {
    ASSIGN_OR_RETURN(const LoadedSlice loaded, loader_.next());
    if (!loaded.finite) note_bad_rows(loaded, bad_rows_);
    const Slice slice{.images = loaded.images, .labels = loaded.labels, .rows = loaded.rows, .epoch = loaded.epoch};
    const SliceResult result = network_.evaluate_slice(slice, loaded.valid_rows);
    Part& part = parts_[static_cast<std::size_t>(round)];
    part = {.loss_sum = result.loss_sum, .correct = result.correct};
    const auto classes = static_cast<std::size_t>(network_.options().classes);
    for (std::size_t row = 0; row < static_cast<std::size_t>(loaded.valid_rows); ++row) {
      const auto logits = network_.logits().subspan(row * classes, classes);
      const auto label = static_cast<std::size_t>(loaded.labels[row]);
      // Ties count for the class that comes first, as in SliceResult.
      const auto before = std::count_if(logits.begin(), logits.begin() + static_cast<std::ptrdiff_t>(label),
                                        [&](float other) { return other >= logits[label]; });
      const auto after = std::count_if(logits.begin() + static_cast<std::ptrdiff_t>(label), logits.end(),
                                       [&](float other) { return other > logits[label]; });
      const bool finite = std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); });
      if (before + after < 5 && finite) ++part.correct_top5;
      if (options_.confusion && finite) {
        const auto guess = static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
        const std::size_t place = static_cast<std::size_t>(round * network_.options().slice_rows) + row;
        guesses_[place] = {.label = loaded.labels[row], .prediction = static_cast<std::int32_t>(guess)};
      }
    }
    return OkStatus();
  }

  EvaluationResult gather() {
    const auto size = static_cast<std::size_t>(communicator_.size());
    std::vector<Part> all(parts_.size() * size);
    communicator_.all_gather(std::as_bytes(std::span(parts_)), std::as_writable_bytes(std::span(all)));
    EvaluationResult result;
    result.rows = options_.rows;
    for (std::size_t slice = 0; slice < static_cast<std::size_t>(slices_); ++slice) {
      const Part& part = all[slice % size * parts_.size() + slice / size];
      result.loss += part.loss_sum;
      result.correct += part.correct;
      result.correct_top5 += part.correct_top5;
    }
    result.loss /= static_cast<double>(options_.rows);
    if (options_.confusion) result.confusion = gather_confusion();
    return result;
  }

  std::vector<ConfusionCell> gather_confusion() {
    std::vector<Guess> all(guesses_.size() * static_cast<std::size_t>(communicator_.size()));
    communicator_.all_gather(std::as_bytes(std::span(guesses_)), std::as_writable_bytes(std::span(all)));
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
  std::vector<Part> parts_;
  std::vector<std::int64_t> bad_rows_;  // of this rank
  std::vector<Guess> guesses_;          // by row of this rank's rounds
};

}  // namespace

StatusOr<EvaluationResult> evaluate(Communicator& communicator, Network& network, SliceLoader& loader,
                                    const EvaluationOptions& options) {
  return Evaluation(communicator, network, loader, options).run();
}

}  // namespace lockstep
