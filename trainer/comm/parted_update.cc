#include "trainer/comm/parted_update.h"

#include <algorithm>

#include "storage/base/status.h"

namespace lockstep {

PartedUpdate::PartedUpdate(Communicator& communicator, GradientReducer& reducer)
    : communicator_(communicator),
      tree_(reducer.shared_tree()),
      sum_(reducer.sum()),
      parted_(reducer.parted_elements()),
      local_rank_(static_cast<std::size_t>(communicator.rank() - communicator.first_local())) {
  const auto note = [this](std::size_t begin, std::size_t end) {
    end = std::min(end, parted_);
    if (begin < end) part_.push_back({begin, end});
  };
  if (tree_ == nullptr) {
    note(0, parted_);
    return;
  }
  verdicts_ = communicator.allocate_shared(1);
  for (const Bucket& bucket : tree_->buckets()) {
    const Bucket share = tree_->share(bucket);
    note(share.begin, share.begin + share.elements);
  }
}

std::span<float> PartedUpdate::shared_values(std::size_t elements) {
  if (tree_ == nullptr) return {};
  return {reinterpret_cast<float*>(shared_bytes(elements * sizeof(float))), elements};
}

std::span<double> PartedUpdate::shared_sums(std::size_t elements) {
  if (tree_ == nullptr) return {};
  return {reinterpret_cast<double*>(shared_bytes(elements * sizeof(double))), elements};
}

std::byte* PartedUpdate::shared_bytes(std::size_t bytes) {
  return communicator_.allocate_shared(local_rank_ == 0 ? bytes : 0)[0];
}

bool PartedUpdate::agree(bool mine) {
  if (tree_ == nullptr) return mine;
  *verdicts_[local_rank_] = mine ? std::byte{1} : std::byte{0};
  communicator_.local_barrier();
  tree_->collect(parted_, sum_.size());
  return std::all_of(verdicts_.begin(), verdicts_.end(), [](const std::byte* it) { return *it == std::byte{1}; });
}

void PartedUpdate::done() {
  if (tree_ != nullptr) communicator_.local_barrier();
}

void PartedUpdate::exchange(std::span<float> shared, std::span<float> own) {
  CHECK(shared.size() == parted_ && own.size() == parted_, "{} and {} values, expected {}", shared.size(), own.size(),
        parted_);
  for (const Range& range : part_) {
    const std::span<float> part = own.subspan(range.begin, range.end - range.begin);
    std::ranges::swap_ranges(shared.subspan(range.begin, part.size()), part);
  }
  done();
}

void PartedUpdate::complete(std::span<float> values) {
  CHECK(values.size() == parted_, "{} values, expected {}", values.size(), parted_);
  if (tree_ == nullptr) return;
  for (const Range& range : part_) {
    std::copy(values.begin() + std::ptrdiff_t(range.begin), values.begin() + std::ptrdiff_t(range.end),
              sum_.begin() + std::ptrdiff_t(range.begin));
  }
  communicator_.local_barrier();
  tree_->collect(0, parted_);
  std::copy_n(sum_.begin(), parted_, values.begin());
  communicator_.local_barrier();
}

}  // namespace lockstep
