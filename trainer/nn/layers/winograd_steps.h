// The passes of a convolution by Winograd's algorithm as steps of a network.
//
// Threads: as the Builder.
#pragma once

#include "trainer/nn/graph/builder.h"
#include "trainer/nn/kernels/winograd.h"

namespace lockstep::winograd {

// The layouts that the passes take: activations and their gradients, weights and their gradients, and the weights as
// the gradient of the input reads them.
onednn::Descriptor image_layout(const onednn::Dims& dims, onednn::Type type);
onednn::Descriptor weights_layout(const onednn::Dims& dims);
onednn::Descriptor turned_weights_layout(const onednn::Dims& dims);

// Arrays in these layouts; bias, or its gradient, may be none.
Step forward_step(Builder& builder, const Problem& problem, Slot src, Slot weights, Slot bias, Slot dst);
// `problem` is the convolution's own.
Step backward_data_step(Builder& builder, const Problem& problem, Slot diff_dst, Slot weights, Slot diff_src);
Step backward_weights_step(Builder& builder, const Problem& problem, Slot src, Slot diff_dst, Slot diff_weights,
                           Slot diff_bias);

}  // namespace lockstep::winograd
