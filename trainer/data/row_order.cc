#include "trainer/data/row_order.h"

#include <array>
#include <numeric>
#include <utility>

#include "storage/base/philox.h"
#include "storage/base/status.h"

namespace lockstep {

RowOrder::RowOrder(std::uint64_t seed, std::int64_t rows, int batch, int slices, bool wrap,
                   std::shared_ptr<const ClassRows> by_class)
    : seed_(seed),
      rows_(rows),
      batch_(batch),
      slice_rows_(batch / slices),
      steps_per_epoch_(wrap ? (rows + batch - 1) / batch : rows / batch),
      by_class_(std::move(by_class)) {
  CHECK(batch % slices == 0 && steps_per_epoch_ > 0, "{} rows, batch {}, {} slices", rows, batch, slices);
  if (rows <= kMostKeptRows && !by_class_) order_.resize(static_cast<std::size_t>(rows));
}

void RowOrder::permute(std::int64_t epoch) {
  permuted_epoch_ = epoch;
  if (order_.empty()) {
    Philox key(seed_, Purpose::kRowOrder, 1, static_cast<std::uint64_t>(epoch));
    const std::uint32_t first = key.next();
    permutation_.emplace(std::array{first, key.next()}, rows_);
    return;
  }
  std::iota(order_.begin(), order_.end(), 0U);
  Philox random(seed_, Purpose::kRowOrder, 0, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[random.below(static_cast<std::uint32_t>(i))]);
  }
}

void RowOrder::rows(std::int64_t step, int slice, std::span<std::int64_t> out) {
  CHECK(out.size() == static_cast<std::size_t>(slice_rows_));
  const std::int64_t epoch = step / steps_per_epoch_;
  const std::int64_t first = first_place(step, slice);
  if (by_class_) {
    const ClassOrder order(*by_class_, seed_, epoch, steps_per_epoch_ * batch_);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = order.row(first + static_cast<std::int64_t>(i));
    return;
  }
  if (epoch != permuted_epoch_) permute(epoch);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t place = (first + static_cast<std::int64_t>(i)) % rows_;
    out[i] = permutation_ ? (*permutation_)(place) : order_[static_cast<std::size_t>(place)];
  }
}

}  // namespace lockstep
