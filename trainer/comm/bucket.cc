#include "trainer/comm/bucket.h"

#include <algorithm>

#include "storage/base/status.h"

namespace lockstep {
namespace {

std::size_t unit(int ranks) {
  constexpr std::size_t kLineElements = 16;
  return kLineElements * static_cast<std::size_t>(ranks);
}

}  // namespace

std::size_t padded_elements(std::size_t elements, int ranks) {
  return (elements + unit(ranks) - 1) / unit(ranks) * unit(ranks);
}

std::vector<Bucket> make_buckets(std::size_t elements, std::size_t parted, std::size_t bucket_elements, int ranks) {
  CHECK(elements == padded_elements(elements, ranks) && parted <= elements, "{} of {} elements", parted, elements);
  if (bucket_elements >= elements) return {{0, elements}};
  const std::size_t length = std::max(bucket_elements / unit(ranks), std::size_t{1}) * unit(ranks);
  const std::size_t early = parted / unit(ranks) * unit(ranks);
  std::vector<Bucket> buckets;
  for (std::size_t end = early; end > 0;) {
    const std::size_t begin = end > length ? end - length : 0;
    buckets.push_back({begin, end - begin});
    end = begin;
  }
  if (early < elements) buckets.push_back({early, elements - early});
  return buckets;
}

}  // namespace lockstep
