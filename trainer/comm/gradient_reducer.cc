#include "trainer/comm/gradient_reducer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "storage/base/status.h"
#include "trainer/comm/bucket_bench.h"
#include "trainer/comm/slice_tree.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

int slices_of_a_rank(int slices, int ranks) {
  CHECK(slices > 0 && slices % ranks == 0, "{} slices on {} ranks", slices, ranks);
  return slices / ranks;
}

}  // namespace

GradientReducer::GradientReducer(Communicator& communicator, std::size_t elements, const ReducerOptions& options)
    : communicator_(communicator),
      elements_(elements),
      parted_(std::min(elements, options.parted_elements)),
      slice_tree_(slices_of_a_rank(options.slices, communicator.size())),
      overlap_(options.overlap) {
  const std::size_t padded = padded_elements(elements, communicator.size(), options.share_unit);
  if (options.mode == ReductionMode::kTree && options.shared_memory && communicator.local_size() > 1) {
    share_memory(padded, options);
  } else {
    levels_.push_back(own_array(padded));
    if (options.mode == ReductionMode::kTree) plant(levels_, padded, options);
  }
  while (levels_.size() < static_cast<std::size_t>(slice_tree_.depth())) levels_.push_back(own_array(padded));
}

SumTarget GradientReducer::begin_slice() {
  CHECK(slices_done_ < slice_tree_.slices(), "all {} slices are done", slices_done_);
  if (last_slice()) {
    last_slice_begun_ = Clock::now();
    first_sum_begun_ = Clock::time_point::max();
  }
  const auto additions = static_cast<std::size_t>(slice_tree_.additions_after(slices_done_));
  const std::span<float* const> levels = levels_;
  if (additions == 0) return {.arrays = levels.subspan(height_, 1), .elements = elements_, .add = false};
  return {.arrays = levels.subspan(height_ - additions, additions), .elements = elements_, .add = true};
}

void GradientReducer::slice_done() {
  height_ = height_ + 1 - static_cast<std::size_t>(slice_tree_.additions_after(slices_done_));
  ++slices_done_;
}

std::span<float> GradientReducer::reduce() {
  finish(/*everywhere=*/true);
  return sum();
}

std::span<float> GradientReducer::reduce_shares() {
  finish(/*everywhere=*/false);
  return sum();
}

ReductionTimes GradientReducer::times() const {
  return {.waiting_seconds = rank_tree_ ? rank_tree_->waiting_seconds() : 0, .hidden_seconds = hidden_seconds_};
}

bool GradientReducer::overlaps() const {
  return overlap_ == Overlap::kMeasured ? choice_.on() && hosts() > 1 : overlap_ == Overlap::kOn;
}

void GradientReducer::share_memory(std::size_t elements, const ReducerOptions& options) {
  std::vector<float*> local_arrays;
  for (std::byte* const bytes : communicator_.allocate_shared(elements * sizeof(float))) {
    local_arrays.push_back(reinterpret_cast<float*>(bytes));
  }
  levels_.push_back(local_arrays[static_cast<std::size_t>(communicator_.rank() - communicator_.first_local())]);
  plant(local_arrays, elements, options);
}

void GradientReducer::plant(std::span<float* const> local_arrays, std::size_t elements, const ReducerOptions& options) {
  const auto local = static_cast<int>(local_arrays.size());
  const bool one_host = local == communicator_.size();
  std::size_t bucket = options.bucket_bytes / sizeof(float);
  if (bucket == 0 && one_host) {
    bucket = elements;
  } else if (bucket == 0) {
    // A half of each rank's share is one message.
    bucket = 2 * local_arrays.size() * measure_message_elements(communicator_, local);
  }
  const bool all = options.wire == Wire::kBf16Whole || (options.wire == Wire::kBf16 && parted_ == elements_);
  // What is not rounded has messages of its own, so that the others are half as long.
  if (options.wire == Wire::kBf16 && !all && !one_host) bucket = std::min(bucket, parted_);
  const std::size_t rounded = all ? elements : options.wire == Wire::kBf16 ? parted_ : 0;
  rank_tree_.emplace(communicator_, local_arrays,
                     make_buckets(elements, parted_, bucket, communicator_.size(), options.share_unit), rounded);
}

void GradientReducer::final_from(std::size_t offset) {
  if (!rank_tree_ || !last_slice() || !overlaps()) return;
  const std::span<const Bucket> buckets = rank_tree_->buckets();
  const auto is_final = [&](const Bucket& bucket) {
    return bucket.begin >= offset && bucket.begin + bucket.elements <= parted_;
  };
  const auto first = std::find_if_not(buckets.begin(), buckets.end(), is_final);
  rank_tree_->ready(static_cast<std::size_t>(first - buckets.begin()));
  if (rank_tree_->advance()) first_sum_begun_ = std::min(first_sum_begun_, Clock::now());
}

void GradientReducer::finish(bool everywhere) {
  CHECK(slices_done_ == slice_tree_.slices(), "{} of {} slices are done", slices_done_, slice_tree_.slices());
  if (!rank_tree_) {
    communicator_.library_all_reduce({levels_[0], elements_});
  } else {
    const Clock::time_point now = Clock::now();
    if (first_sum_begun_ < now) hidden_seconds_ += std::chrono::duration<double>(now - first_sum_begun_).count();
    rank_tree_->finish(everywhere);
    if (hosts() > 1 && overlap_ == Overlap::kMeasured) note_time();
  }
  height_ = 0;
  slices_done_ = 0;
}

void GradientReducer::note_time() {
  if (!choice_.note(std::chrono::duration<double>(Clock::now() - last_slice_begun_).count())) return;
  std::array<double, 2> medians = choice_.medians();
  communicator_.broadcast(std::as_writable_bytes(std::span(medians)), 0);
  choice_.decide(medians);
}

std::string GradientReducer::description() const {
  const int ranks = communicator_.size();
  if (ranks == 1) return "one rank";
  if (!rank_tree_) return fmt::format("MPI_Allreduce over {} ranks", ranks);
  const int local = rank_tree_->local_size();
  const std::string note = (ranks & (ranks - 1)) == 0 ? "" : ", not a power of two: other bits than with 1, 2, 4 ranks";
  if (local == ranks) {
    return fmt::format("shared memory over {} ranks with one copy of the parameters (replica checks compare buffers){}",
                       ranks, note);
  }
  const std::string buckets = fmt::format(", {} {} of {:.1f} MB", rank_tree_->buckets().size(),
                                          rank_tree_->buckets().size() == 1 ? "bucket" : "buckets",
                                          double(rank_tree_->buckets()[0].elements * sizeof(float)) / 1e6);
  if (local == 1) return fmt::format("halving and doubling over {} ranks{}{}", ranks, buckets, note);
  return fmt::format("shared memory over {} ranks a host, halving and doubling over {} hosts{}{}", local, ranks / local,
                     buckets, note);
}

GradientReducer::Bytes GradientReducer::bytes(const Communicator& communicator, std::size_t elements,
                                              const ReducerOptions& options) {
  const double array = double(padded_elements(elements, communicator.size(), options.share_unit) * sizeof(float));
  const int levels = std::max(1, SliceTree(slices_of_a_rank(options.slices, communicator.size())).depth());
  const int local = communicator.local_size();
  const bool tree = options.mode == ReductionMode::kTree;
  // Between hosts a message a lane, of half a share of a bucket; a measured bucket is small.
  const double bucket = std::min(double(options.bucket_bytes), array);
  const double lanes = std::min(double(Communicator::kLanes), bucket > 0 ? array / bucket + 2 : 0);
  const double messages = tree && local < communicator.size() ? lanes * bucket / local : 0;
  return {.all = levels * array + messages, .shared = tree && options.shared_memory && local > 1 ? array : 0};
}

}  // namespace lockstep
