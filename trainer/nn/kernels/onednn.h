// The one door to oneDNN. Everything that differs between its API v2 (2.6) and v3 (3.7) is in onednn.cc; the rest of
// this folder names layouts, primitives and memory only through what is declared here and dnnl.hpp's version-free
// types.
//
// A PrimitiveDescriptor is empty when oneDNN has no kernel for what was asked: the caller then asks for something else.
// All primitives take their scratchpad from the caller (argument DNNL_ARG_SCRATCHPAD).
//
// Threads: descriptors may be made by any thread; an Operation runs on one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <dnnl.hpp>

namespace lockstep::onednn {

using Descriptor = dnnl::memory::desc;  // a shape, element type and layout
using Dims = dnnl::memory::dims;
using PrimitiveDescriptor = dnnl::primitive_desc_base;

using Type = dnnl::memory::data_type;  // f32 or bf16

// An array of this shape: in rows, or in whatever layout a primitive likes best.
Descriptor plain(const Dims& dims, Type type = Type::f32);
Descriptor any(const Dims& dims, Type type = Type::f32);

Dims dims_of(const Descriptor& descriptor);
Type type_of(const Descriptor& descriptor);
// Elements that the layout takes, padding included; and how many floats take as much memory.
std::size_t elements_of(const Descriptor& descriptor);
std::size_t bytes_of(const Descriptor& descriptor);
std::size_t floats_of(const Descriptor& descriptor);
// As oneDNN writes it, dimensions from the outermost to the innermost, blocks last: "aBcd16b", "aBcd16b bf16".
std::string layout_text(const Descriptor& descriptor);
// Whether the rows (first dimension) lie one after another, each in one piece.
bool rows_are_contiguous(const Descriptor& descriptor);

// How a layout places its elements: dimensions are cut into blocks, the inner blocks lie together (the last one
// innermost), and `strides` leads from outer block to outer block, in elements. Empty for a layout of another kind.
struct Blocking {
  Dims padded_dims;  // whole blocks
  Dims strides;
  std::vector<std::int64_t> inner_sizes;
  std::vector<std::int64_t> inner_dimensions;
};
Blocking blocking_of(const Descriptor& descriptor);

#if DNNL_VERSION_MAJOR > 3 || (DNNL_VERSION_MAJOR == 3 && DNNL_VERSION_MINOR >= 7)
inline constexpr bool kReorderIsBroken = true;  // see reorder.h
#else
inline constexpr bool kReorderIsBroken = false;
#endif

// How a kernel moves over an image: values for height, width.
struct Window {
  Dims kernel;
  Dims stride;
  Dims dilation;  // as oneDNN counts: 0 means adjacent taps
  Dims begin;     // padding above and left
  Dims end;       // padding below and right
};

// "jit:avx512_core".
std::string implementation_of(const PrimitiveDescriptor& descriptor);
// Whether it is oneDNN's plain reference loop, orders of magnitude slower than the others.
bool is_reference(const PrimitiveDescriptor& descriptor);
// Whether a weight gradient's kernel may write past its scratchpad, over what lies behind it: that of a 1x1 convolution
// with a stride, on channels last and fewer of them than it takes at once
// (github.com/uxlfoundation/oneDNN/issues/6035).
bool writes_past_scratchpad(const PrimitiveDescriptor& weights_kernel, const Window& window);
// Whether nobody should wait for it: a reference loop, or a convolution as a copy and a matrix product.
bool is_slow(const PrimitiveDescriptor& descriptor);

// By the direct algorithm. A zero descriptor for `bias` means none. Backward descriptors take the forward one as their
// hint.
PrimitiveDescriptor convolution_forward(const Window& window, const Descriptor& src, const Descriptor& weights,
                                        const Descriptor& bias, const Descriptor& dst);
PrimitiveDescriptor convolution_backward_data(const Window& window, const Descriptor& diff_src,
                                              const Descriptor& weights, const Descriptor& diff_dst,
                                              const PrimitiveDescriptor& forward);
PrimitiveDescriptor convolution_backward_weights(const Window& window, const Descriptor& src,
                                                 const Descriptor& diff_weights, const Descriptor& diff_bias,
                                                 const Descriptor& diff_dst, const PrimitiveDescriptor& forward);

PrimitiveDescriptor inner_product_forward(const Descriptor& src, const Descriptor& weights, const Descriptor& bias,
                                          const Descriptor& dst);
PrimitiveDescriptor inner_product_backward_data(const Descriptor& diff_src, const Descriptor& weights,
                                                const Descriptor& diff_dst, const PrimitiveDescriptor& forward);
PrimitiveDescriptor inner_product_backward_weights(const Descriptor& src, const Descriptor& diff_weights,
                                                   const Descriptor& diff_bias, const Descriptor& diff_dst,
                                                   const PrimitiveDescriptor& forward);

// Version 2 fails without SHIFT in the backward pass, though it does not read it; version 3 fails with it.
inline constexpr bool kBatchNormBackwardTakesShift = DNNL_VERSION_MAJOR < 3;

// Values and gradients all have the layout `data`.
PrimitiveDescriptor batch_normalization_forward(dnnl::prop_kind kind, const Descriptor& data, float epsilon,
                                                dnnl::normalization_flags flags);
PrimitiveDescriptor batch_normalization_backward(const Descriptor& data, float epsilon, dnnl::normalization_flags flags,
                                                 const PrimitiveDescriptor& forward);

// The window's dilation is not used.
PrimitiveDescriptor pooling_forward(dnnl::algorithm algorithm, const Window& window, const Descriptor& src,
                                    const Descriptor& dst);
PrimitiveDescriptor pooling_backward(dnnl::algorithm algorithm, const Window& window, const Descriptor& diff_src,
                                     const Descriptor& diff_dst, const PrimitiveDescriptor& forward);

// Values and gradients all have the layout `data`. Backward reads the forward pass's result, not its input: `algorithm`
// is one of the ..._use_dst_for_bwd.
PrimitiveDescriptor eltwise_forward(dnnl::algorithm algorithm, const Descriptor& data);
PrimitiveDescriptor eltwise_backward(dnnl::algorithm algorithm, const Descriptor& data,
                                     const PrimitiveDescriptor& forward);

PrimitiveDescriptor reorder(const Descriptor& from, const Descriptor& to);

// A memory object that does not own its data; `data` may be null until set_data.
dnnl::memory memory(const Descriptor& descriptor, void* data);
// Version 2 also zeroes the padding of the layout there.
void set_data(const dnnl::memory& memory, void* data);

// A primitive with its arguments. run() allocates nothing of our own; see inside_onednn.h.
class Operation {
 public:
  Operation(const PrimitiveDescriptor& descriptor, const std::vector<std::pair<int, dnnl::memory>>& arguments);
  void run() const;

 private:
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;  // keeps alive what arguments_ points to
  std::vector<dnnl_exec_arg_t> arguments_;
};

// Makes and runs a primitive with a scratchpad of its own. Allocates: not for the step.
void run_once(const PrimitiveDescriptor& descriptor, std::vector<std::pair<int, dnnl::memory>> arguments);

}  // namespace lockstep::onednn
