// A bucket is a part of the gradient array that is summed over ranks on its own, so that its sum can begin while
// backward still makes what lies before it. Ranks that share memory each sum a share of every bucket. Pure.
#pragma once

#include <cstddef>
#include <vector>

namespace lockstep {

struct Bucket {
  std::size_t begin = 0;
  std::size_t elements = 0;
};

// A rank's share of a bucket is a multiple of this, unless more is asked for: a cache line.
inline constexpr std::size_t kLineElements = 16;

// Summed arrays are this long, for `elements` used ones: shares of whole `units`, halves of whole cache lines.
std::size_t padded_elements(std::size_t elements, int ranks, std::size_t unit = kLineElements);

// Cuts [0, elements) into buckets of about `bucket_elements`, in the order in which backward finishes them: from the
// back, but what lies behind `parted` comes last, together with the rest of its units. Every length is a multiple of
// unit * ranks. Requires: elements == padded_elements(..., ranks, unit), unit a multiple of kLineElements;
// parted <= elements.
std::vector<Bucket> make_buckets(std::size_t elements, std::size_t parted, std::size_t bucket_elements, int ranks,
                                 std::size_t unit = kLineElements);

}  // namespace lockstep
