// Initial weights, as a function of (seed, name of the parameter): the layout, the number of ranks and the other layers
// do not matter.
#pragma once

#include <cstdint>
#include <span>

#include "proto/model.pb.h"
#include "trainer/tensor/tensor.h"

namespace lockstep {

// Fills `plain` (outputs, inputs, taps...) in its order from Philox(seed, kInitialization, 0, key of the name).
//   HE: normal with deviation sqrt(2 / fan-in)              (He et al. 2015, arXiv:1502.01852, section 2.2)
//   XAVIER: uniform in +-sqrt(6 / (fan-in + fan-out))       (Glorot and Bengio 2010, AISTATS, equation 16)
// fan-in is the second extent (of one group) times the taps, fan-out the first times the taps.
// Requires: tensor.is_weights, plain.size() == plain_elements(tensor).
void initialize_weights(proto::Initialization kind, std::uint64_t seed, const TensorInfo& tensor,
                        std::span<float> plain);

}  // namespace lockstep
