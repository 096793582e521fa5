// Which algorithm computes each pass of a convolution: direct, or Winograd's minimal filtering F(4x4, 3x3) (Lavin and
// Gray 2015, arXiv:1509.09308), which needs a quarter of the multiplications and rounds a little more.
//
// The choice is part of the bits, so it must not depend on a clock unless the job asks for that: it follows from the
// shape, and is written into the job. Without AVX-512 that pass runs direct; the job stays the same.
#pragma once

#include "proto/model.pb.h"
#include "trainer/nn/kernels/placed_window.h"
#include "trainer/nn/kernels/winograd.h"

namespace lockstep {

// Whether Winograd can compute it: 3x3, stride 1, padding of at most 1, whole blocks of channels.
bool winograd_fits(const proto::Convolution& spec, const PlacedWindow& placed, std::int64_t channels);

// What the shape says of a pass that winograd_fits. Measured on AVX-512: a pass gains from about 16 tiles of 4x4
// outputs on (below, the transformation of the weights costs more than it saves), unless most of the tiles' area lies
// outside the image.
proto::Algorithm algorithm_by_shape(std::int64_t rows, const PlacedWindow& placed);

// Seconds of the fastest of a few runs on arrays of its own; infinite for an empty descriptor, and where Winograd is
// not available.
double seconds_of(const onednn::PrimitiveDescriptor& descriptor);
double forward_seconds(const winograd::Problem& problem);
double backward_weights_seconds(const winograd::Problem& problem);

}  // namespace lockstep
