// Copies between layouts: oneDNN's reorder, and a plain loop over a table for where that cannot be trusted. The reorder
// of oneDNN 3.7 writes wrong values into some layouts with padding (github.com/uxlfoundation/oneDNN/issues/3280).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/nn/kernels/onednn.h"

namespace lockstep {

// Whether oneDNN's reorder into this layout is right.
bool reorder_is_reliable(const onednn::Descriptor& to);

// For each element of an array in layout `to`: where it lies in one of layout `from`, or -1 for padding.
// Requires: the same dimensions.
std::vector<std::int32_t> gather_indices(const onednn::Descriptor& from, const onednn::Descriptor& to);

// to[i] = from[indices[i]], and 0 where the index is -1.
void gather(std::span<const std::int32_t> indices, const void* from, onednn::Type from_type, void* to,
            onednn::Type to_type);

// Copies now. Allocates: not for the step.
void reorder_once(const onednn::Descriptor& from_layout, const void* from, const onednn::Descriptor& to_layout,
                  void* to);

}  // namespace lockstep
