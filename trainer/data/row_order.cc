#include "trainer/data/row_order.h"

#include <limits>
#include <numeric>
#include <utility>

#include "storage/base/philox.h"
#include "storage/base/status.h"

namespace lockstep {

RowOrder::RowOrder(std::uint64_t seed, std::int64_t rows, int batch, int slices, bool wrap)
    : seed_(seed),
      batch_(batch),
      slice_rows_(batch / slices),
      steps_per_epoch_(wrap ? (rows + batch - 1) / batch : rows / batch) {
  CHECK(batch % slices == 0 && steps_per_epoch_ > 0, "{} rows, batch {}, {} slices", rows, batch, slices);
  CHECK(rows <= std::numeric_limits<std::uint32_t>::max(), "{} rows", rows);
  order_.resize(static_cast<std::size_t>(rows));
}

void RowOrder::permute(std::int64_t epoch) {
  std::iota(order_.begin(), order_.end(), 0U);
  Philox random(seed_, Purpose::kRowOrder, 0, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[random.below(static_cast<std::uint32_t>(i))]);
  }
  permuted_epoch_ = epoch;
}

void RowOrder::rows(std::int64_t step, int slice, std::span<std::int64_t> out) {
  CHECK(out.size() == static_cast<std::size_t>(slice_rows_));
  const std::int64_t epoch = step / steps_per_epoch_;
  if (epoch != permuted_epoch_) permute(epoch);
  const std::int64_t first = (step % steps_per_epoch_) * batch_ + std::int64_t{slice} * slice_rows_;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = order_[(static_cast<std::size_t>(first) + i) % order_.size()];
  }
}

}  // namespace lockstep
