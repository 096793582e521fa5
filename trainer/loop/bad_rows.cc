#include "trainer/loop/bad_rows.h"

#include <algorithm>
#include <array>

#include "storage/base/status.h"
#include "trainer/tensor/finite.h"

namespace lockstep {

void note_bad_rows(const LoadedSlice& loaded, std::vector<std::int64_t>& rows) {
  const std::size_t elements = loaded.images.size() / loaded.rows.size();
  for (std::size_t i = 0; i < loaded.rows.size() && rows.size() < kMostBadRows; ++i) {
    const auto image = loaded.images.subspan(i * elements, elements);
    if (!all_finite(image)) rows.push_back(loaded.rows[i]);
  }
}

std::vector<std::int64_t> gather_bad_rows(Communicator& communicator, std::span<const std::int64_t> mine) {
  CHECK(mine.size() <= kMostBadRows);
  std::array<std::int64_t, kMostBadRows> padded;
  padded.fill(-1);
  std::copy(mine.begin(), mine.end(), padded.begin());
  std::vector<std::int64_t> all(padded.size() * static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(padded)), std::as_writable_bytes(std::span(all)));
  std::erase(all, -1);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (all.size() > kMostBadRows) all.resize(kMostBadRows);
  return all;
}

}  // namespace lockstep
