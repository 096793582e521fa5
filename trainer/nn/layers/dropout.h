// Dropout (Srivastava et al. 2014, JMLR 15): while training each value is dropped with probability `rate`, the others
// are divided by 1 - rate. Which values: one number of Philox(seed + layer, kDropout, epoch, row) for each position of
// the row, counted as it lies in memory; the number of ranks and the order of rows do not matter. Evaluation: identity.
#pragma once

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"

namespace lockstep {

// No faults: every input fits.
Activation build_dropout(Builder& builder, const proto::Dropout& spec, const Activation& input);

}  // namespace lockstep
