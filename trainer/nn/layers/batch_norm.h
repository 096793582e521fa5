// Batch normalization (Ioffe and Szegedy 2015, arXiv:1502.03167) with the statistics of one slice, and a ReLU in the
// same pass when asked for. Each training pass leaves the slice's mean and unbiased variance where the reduction takes
// them; evaluation uses the running ones.
#pragma once

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"

namespace lockstep {

// Flat values are normalized each on its own, as channels of one pixel. No faults: every input fits.
Activation build_batch_norm(Builder& builder, const proto::BatchNorm& spec, const Activation& input);

}  // namespace lockstep
