#include "trainer/comm/bucket.h"

#include <algorithm>

#include "storage/base/status.h"

namespace lockstep {

std::size_t padded_elements(std::size_t elements, int ranks, std::size_t unit) {
  const std::size_t of_all = unit * static_cast<std::size_t>(ranks);
  return (elements + of_all - 1) / of_all * of_all;
}

std::vector<Bucket> make_buckets(std::size_t elements, std::size_t parted, std::size_t bucket_elements, int ranks,
                                 std::size_t unit) {
  CHECK(elements == padded_elements(elements, ranks, unit) && unit % kLineElements == 0 && parted <= elements,
        "{} of {} elements, units of {}", parted, elements, unit);
  if (bucket_elements >= elements) return {{0, elements}};
  const std::size_t of_all = unit * static_cast<std::size_t>(ranks);
  const std::size_t length = std::max(bucket_elements / of_all, std::size_t{1}) * of_all;
  const std::size_t early = parted / of_all * of_all;
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
