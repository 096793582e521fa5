#include "trainer/nn/kernels/onednn.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "storage/base/status.h"
#include "trainer/nn/kernels/inside_onednn.h"
#include "trainer/nn/kernels/instruction_set.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

thread_local int onednn_depth = 0;

}  // namespace

bool inside_onednn() {
  return onednn_depth > 0;
}

namespace onednn {
namespace {

struct Runtime {
  dnnl_engine_t engine = nullptr;
  dnnl_stream_t stream = nullptr;
  dnnl_primitive_attr_t attributes = nullptr;  // the caller gives the scratchpad
};

Runtime make_runtime() {
  Runtime runtime;
  static_cast<void>(onednn_instruction_set());  // settles its hints before anything is made
  // Not as ONEDNN_DEFAULT_FPMATH_MODE says: the bits would be others, and nothing would tell.
  CHECK(dnnl_set_default_fpmath_mode(dnnl_fpmath_mode_strict) == dnnl_success);
  CHECK(dnnl_engine_create(&runtime.engine, dnnl_cpu, 0) == dnnl_success, "oneDNN has no CPU engine");
  CHECK(dnnl_stream_create(&runtime.stream, runtime.engine, dnnl_stream_default_flags) == dnnl_success);
  CHECK(dnnl_primitive_attr_create(&runtime.attributes) == dnnl_success);
  CHECK(dnnl_primitive_attr_set_scratchpad_mode(runtime.attributes, dnnl_scratchpad_mode_user) == dnnl_success);
  return runtime;
}

// One for the process, never destroyed: networks may outlive static objects.
const Runtime& runtime() {
  static const Runtime made = make_runtime();
  return made;
}

PrimitiveDescriptor adopt(dnnl_status_t status, dnnl_primitive_desc_t descriptor) {
  return status == dnnl_success ? PrimitiveDescriptor(descriptor) : PrimitiveDescriptor();
}

#if DNNL_VERSION_MAJOR >= 3

const_dnnl_memory_desc_t raw(const Descriptor& descriptor) {
  return descriptor.is_zero() ? nullptr : descriptor.get();
}

// Version 3 builds a primitive descriptor in one call: (out, engine, what..., [hint,] attributes).
template <typename Create, typename... Arguments>
PrimitiveDescriptor create(Create function, Arguments... arguments) {
  dnnl_primitive_desc_t made = nullptr;
  const dnnl_status_t status = function(&made, runtime().engine, arguments..., runtime().attributes);
  return adopt(status, made);
}

template <typename Create, typename... Arguments>
PrimitiveDescriptor create_backward(Create function, const PrimitiveDescriptor& forward, Arguments... arguments) {
  if (!forward) return {};
  return create(function, arguments..., forward.get());
}

constexpr auto kConvolutionForward = dnnl_convolution_forward_primitive_desc_create;
constexpr auto kConvolutionBackwardData = dnnl_convolution_backward_data_primitive_desc_create;
constexpr auto kConvolutionBackwardWeights = dnnl_convolution_backward_weights_primitive_desc_create;
constexpr auto kInnerProductForward = dnnl_inner_product_forward_primitive_desc_create;
constexpr auto kInnerProductBackwardData = dnnl_inner_product_backward_data_primitive_desc_create;
constexpr auto kInnerProductBackwardWeights = dnnl_inner_product_backward_weights_primitive_desc_create;

#else

const dnnl_memory_desc_t* raw(const Descriptor& descriptor) {
  return descriptor.is_zero() ? nullptr : &descriptor.data;
}

// Version 2 fills an operation descriptor first: (operation, what...).
template <typename Operation, typename... Parameters, typename... Arguments>
PrimitiveDescriptor create_backward(dnnl_status_t (*initialize)(Operation*, Parameters...),
                                    const PrimitiveDescriptor& forward, Arguments... arguments) {
  Operation operation;
  if (initialize(&operation, arguments...) != dnnl_success) return {};
  dnnl_primitive_desc_t made = nullptr;
  const dnnl_status_t status = dnnl_primitive_desc_create(&made, &operation, runtime().attributes, runtime().engine,
                                                          forward ? forward.get() : nullptr);
  return adopt(status, made);
}

template <typename Initialize, typename... Arguments>
PrimitiveDescriptor create(Initialize function, Arguments... arguments) {
  return create_backward(function, PrimitiveDescriptor(), arguments...);
}

constexpr auto kConvolutionForward = dnnl_dilated_convolution_forward_desc_init;
constexpr auto kConvolutionBackwardData = dnnl_dilated_convolution_backward_data_desc_init;
constexpr auto kConvolutionBackwardWeights = dnnl_dilated_convolution_backward_weights_desc_init;
constexpr auto kInnerProductForward = dnnl_inner_product_forward_desc_init;
constexpr auto kInnerProductBackwardData = dnnl_inner_product_backward_data_desc_init;
constexpr auto kInnerProductBackwardWeights = dnnl_inner_product_backward_weights_desc_init;

#endif

Descriptor make_descriptor(const Dims& dims, Type type, dnnl::memory::format_tag tag) {
  Descriptor made(dims, type, tag, /*allow_empty=*/true);
  CHECK(!made.is_zero(), "oneDNN has no descriptor of {} dimensions", dims.size());
  return made;
}

}  // namespace

Descriptor plain(const Dims& dims, Type type) {
  using Tag = dnnl::memory::format_tag;
  constexpr Tag kTags[] = {Tag::a, Tag::ab, Tag::abc, Tag::abcd, Tag::abcde};
  CHECK(!dims.empty() && dims.size() <= std::size(kTags), "{} dimensions", dims.size());
  return make_descriptor(dims, type, kTags[dims.size() - 1]);
}

Descriptor any(const Dims& dims, Type type) {
  return make_descriptor(dims, type, dnnl::memory::format_tag::any);
}

Dims dims_of(const Descriptor& descriptor) {
#if DNNL_VERSION_MAJOR >= 3
  return descriptor.get_dims();
#else
  return descriptor.dims();
#endif
}

Type type_of(const Descriptor& descriptor) {
#if DNNL_VERSION_MAJOR >= 3
  return descriptor.get_data_type();
#else
  return descriptor.data_type();
#endif
}

std::size_t bytes_of(const Descriptor& descriptor) {
  return descriptor.get_size();
}

std::size_t elements_of(const Descriptor& descriptor) {
  return bytes_of(descriptor) / (type_of(descriptor) == Type::bf16 ? 2 : sizeof(float));
}

std::size_t floats_of(const Descriptor& descriptor) {
  return (bytes_of(descriptor) + sizeof(float) - 1) / sizeof(float);
}

std::string layout_text(const Descriptor& descriptor) {
  const Blocking blocking = blocking_of(descriptor);
  if (blocking.strides.empty()) return "opaque";
  std::vector<std::size_t> order(blocking.strides.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return blocking.strides[a] > blocking.strides[b]; });
  std::string text;
  for (const std::size_t dimension : order) {
    const auto& blocked = blocking.inner_dimensions;
    const bool is_blocked = std::find(blocked.begin(), blocked.end(), std::int64_t(dimension)) != blocked.end();
    text += char((is_blocked ? 'A' : 'a') + int(dimension));
  }
  for (std::size_t i = 0; i < blocking.inner_sizes.size(); ++i) {
    text += fmt::format("{}{}", blocking.inner_sizes[i], char('a' + int(blocking.inner_dimensions[i])));
  }
  return type_of(descriptor) == Type::bf16 ? text + " bf16" : text;
}

Blocking blocking_of(const Descriptor& descriptor) {
#if DNNL_VERSION_MAJOR >= 3
  if (descriptor.get_format_kind() != dnnl::memory::format_kind::blocked) return {};
  return {descriptor.get_padded_dims(), descriptor.get_strides(), descriptor.get_inner_blks(),
          descriptor.get_inner_idxs()};
#else
  const dnnl_memory_desc_t& data = descriptor.data;
  if (data.format_kind != dnnl_blocked) return {};
  const dnnl_blocking_desc_t& blocking = data.format_desc.blocking;
  return {Dims(data.padded_dims, data.padded_dims + data.ndims), Dims(blocking.strides, blocking.strides + data.ndims),
          Dims(blocking.inner_blks, blocking.inner_blks + blocking.inner_nblks),
          Dims(blocking.inner_idxs, blocking.inner_idxs + blocking.inner_nblks)};
#endif
}

bool rows_are_contiguous(const Descriptor& descriptor) {
  const Blocking blocking = blocking_of(descriptor);
  if (blocking.strides.empty()) return false;
  return blocking.strides[0] * dims_of(descriptor)[0] == std::int64_t(elements_of(descriptor));
}

std::string implementation_of(const PrimitiveDescriptor& descriptor) {
  const char* text = nullptr;
  CHECK(dnnl_primitive_desc_query(descriptor.get(), dnnl_query_impl_info_str, 0, &text) == dnnl_success);
  return text;
}

bool is_reference(const PrimitiveDescriptor& descriptor) {
  return implementation_of(descriptor).starts_with("ref");
}

bool writes_past_scratchpad(const PrimitiveDescriptor& weights_kernel, const Window& window) {
  const std::string name = implementation_of(weights_kernel);
  const Descriptor src = weights_kernel.src_desc();
  const std::int64_t at_once = name.find("avx512") == std::string::npos ? 8 : 16;
  return name.find("jit_1x1") != std::string::npos && std::max(window.stride[0], window.stride[1]) > 1 &&
         blocking_of(src).inner_sizes.empty() && dims_of(src)[1] < at_once;
}

bool is_slow(const PrimitiveDescriptor& descriptor) {
  dnnl_primitive_kind_t kind = dnnl_undefined_primitive;
  CHECK(dnnl_primitive_desc_query(descriptor.get(), dnnl_query_primitive_kind, 0, &kind) == dnnl_success);
  // "gemm:jit" or "x64:gemm:jit", but not "brgemm:avx512_core".
  const std::string name = implementation_of(descriptor);
  const bool multiplies = name.starts_with("gemm:") || name.find(":gemm:") != std::string::npos;
  return name.starts_with("ref") || (multiplies && kind == dnnl_convolution);
}

PrimitiveDescriptor convolution_forward(const Window& window, const Descriptor& src, const Descriptor& weights,
                                        const Descriptor& bias, const Descriptor& dst) {
  return create(kConvolutionForward, dnnl_forward_training, dnnl_convolution_direct, raw(src), raw(weights), raw(bias),
                raw(dst), window.stride.data(), window.dilation.data(), window.begin.data(), window.end.data());
}

PrimitiveDescriptor convolution_backward_data(const Window& window, const Descriptor& diff_src,
                                              const Descriptor& weights, const Descriptor& diff_dst,
                                              const PrimitiveDescriptor& forward) {
  return create_backward(kConvolutionBackwardData, forward, dnnl_convolution_direct, raw(diff_src), raw(weights),
                         raw(diff_dst), window.stride.data(), window.dilation.data(), window.begin.data(),
                         window.end.data());
}

PrimitiveDescriptor convolution_backward_weights(const Window& window, const Descriptor& src,
                                                 const Descriptor& diff_weights, const Descriptor& diff_bias,
                                                 const Descriptor& diff_dst, const PrimitiveDescriptor& forward) {
  return create_backward(kConvolutionBackwardWeights, forward, dnnl_convolution_direct, raw(src), raw(diff_weights),
                         raw(diff_bias), raw(diff_dst), window.stride.data(), window.dilation.data(),
                         window.begin.data(), window.end.data());
}

PrimitiveDescriptor inner_product_forward(const Descriptor& src, const Descriptor& weights, const Descriptor& bias,
                                          const Descriptor& dst) {
  return create(kInnerProductForward, dnnl_forward_training, raw(src), raw(weights), raw(bias), raw(dst));
}

PrimitiveDescriptor inner_product_backward_data(const Descriptor& diff_src, const Descriptor& weights,
                                                const Descriptor& diff_dst, const PrimitiveDescriptor& forward) {
  return create_backward(kInnerProductBackwardData, forward, raw(diff_src), raw(weights), raw(diff_dst));
}

PrimitiveDescriptor inner_product_backward_weights(const Descriptor& src, const Descriptor& diff_weights,
                                                   const Descriptor& diff_bias, const Descriptor& diff_dst,
                                                   const PrimitiveDescriptor& forward) {
  return create_backward(kInnerProductBackwardWeights, forward, raw(src), raw(diff_weights), raw(diff_bias),
                         raw(diff_dst));
}

PrimitiveDescriptor batch_normalization_forward(dnnl::prop_kind kind, const Descriptor& data, float epsilon,
                                                dnnl::normalization_flags flags) {
  const unsigned bits = unsigned(dnnl::convert_to_c(flags));
#if DNNL_VERSION_MAJOR >= 3
  return create(dnnl_batch_normalization_forward_primitive_desc_create, dnnl::convert_to_c(kind), raw(data), raw(data),
                epsilon, bits);
#else
  return create(dnnl_batch_normalization_forward_desc_init, dnnl::convert_to_c(kind), raw(data), epsilon, bits);
#endif
}

PrimitiveDescriptor batch_normalization_backward(const Descriptor& data, float epsilon, dnnl::normalization_flags flags,
                                                 const PrimitiveDescriptor& forward) {
  const unsigned bits = unsigned(dnnl::convert_to_c(flags));
#if DNNL_VERSION_MAJOR >= 3
  return create_backward(dnnl_batch_normalization_backward_primitive_desc_create, forward, dnnl_backward, raw(data),
                         raw(data), raw(data), epsilon, bits);
#else
  return create_backward(dnnl_batch_normalization_backward_desc_init, forward, dnnl_backward, raw(data), raw(data),
                         epsilon, bits);
#endif
}

PrimitiveDescriptor pooling_forward(dnnl::algorithm algorithm, const Window& window, const Descriptor& src,
                                    const Descriptor& dst) {
  const auto kind = dnnl::convert_to_c(algorithm);
#if DNNL_VERSION_MAJOR >= 3
  const Dims none(window.kernel.size(), 0);
  return create(dnnl_pooling_forward_primitive_desc_create, dnnl_forward_training, kind, raw(src), raw(dst),
                window.stride.data(), window.kernel.data(), none.data(), window.begin.data(), window.end.data());
#else
  return create(dnnl_pooling_forward_desc_init, dnnl_forward_training, kind, raw(src), raw(dst), window.stride.data(),
                window.kernel.data(), window.begin.data(), window.end.data());
#endif
}

PrimitiveDescriptor pooling_backward(dnnl::algorithm algorithm, const Window& window, const Descriptor& diff_src,
                                     const Descriptor& diff_dst, const PrimitiveDescriptor& forward) {
  const auto kind = dnnl::convert_to_c(algorithm);
#if DNNL_VERSION_MAJOR >= 3
  const Dims none(window.kernel.size(), 0);
  return create_backward(dnnl_pooling_backward_primitive_desc_create, forward, kind, raw(diff_src), raw(diff_dst),
                         window.stride.data(), window.kernel.data(), none.data(), window.begin.data(),
                         window.end.data());
#else
  return create_backward(dnnl_pooling_backward_desc_init, forward, kind, raw(diff_src), raw(diff_dst),
                         window.stride.data(), window.kernel.data(), window.begin.data(), window.end.data());
#endif
}

PrimitiveDescriptor eltwise_forward(dnnl::algorithm algorithm, const Descriptor& data) {
  const auto kind = dnnl::convert_to_c(algorithm);
#if DNNL_VERSION_MAJOR >= 3
  return create(dnnl_eltwise_forward_primitive_desc_create, dnnl_forward_training, kind, raw(data), raw(data), 0.f,
                0.f);
#else
  return create(dnnl_eltwise_forward_desc_init, dnnl_forward_training, kind, raw(data), 0.f, 0.f);
#endif
}

PrimitiveDescriptor eltwise_backward(dnnl::algorithm algorithm, const Descriptor& data,
                                     const PrimitiveDescriptor& forward) {
  const auto kind = dnnl::convert_to_c(algorithm);
#if DNNL_VERSION_MAJOR >= 3
  return create_backward(dnnl_eltwise_backward_primitive_desc_create, forward, kind, raw(data), raw(data), raw(data),
                         0.f, 0.f);
#else
  return create_backward(dnnl_eltwise_backward_desc_init, forward, kind, raw(data), raw(data), 0.f, 0.f);
#endif
}

PrimitiveDescriptor reorder(const Descriptor& from, const Descriptor& to) {
  dnnl_primitive_desc_t made = nullptr;
  const dnnl_status_t status = dnnl_reorder_primitive_desc_create(&made, raw(from), runtime().engine, raw(to),
                                                                  runtime().engine, runtime().attributes);
  return adopt(status, made);
}

dnnl::memory memory(const Descriptor& descriptor, void* data) {
  dnnl_memory_t made = nullptr;
  const dnnl_status_t status = dnnl_memory_create(&made, raw(descriptor), runtime().engine, data);
  CHECK(status == dnnl_success, "oneDNN status {}", int(status));
  return dnnl::memory(made);
}

void set_data(const dnnl::memory& memory, void* data) {
  const dnnl_status_t status = dnnl_memory_set_data_handle(memory.get(), data);
  CHECK(status == dnnl_success, "oneDNN status {}", int(status));
}

Operation::Operation(const PrimitiveDescriptor& descriptor,
                     const std::vector<std::pair<int, dnnl::memory>>& arguments) {
  dnnl_primitive_t made = nullptr;
  const dnnl_status_t status = dnnl_primitive_create(&made, descriptor.get());
  CHECK(status == dnnl_success, "oneDNN status {} creating {}", int(status), implementation_of(descriptor));
  primitive_.reset(made);
  for (const auto& [name, memory] : arguments) {
    memories_.push_back(memory);
    arguments_.push_back({name, memory.get()});
  }
}

void Operation::run() const {
  ++onednn_depth;
  const dnnl_status_t status =
      dnnl_primitive_execute(primitive_.get(), runtime().stream, int(arguments_.size()), arguments_.data());
  --onednn_depth;
  CHECK(status == dnnl_success, "oneDNN status {}", int(status));
}

void run_once(const PrimitiveDescriptor& descriptor, std::vector<std::pair<int, dnnl::memory>> arguments) {
  const Descriptor scratchpad = descriptor.scratchpad_desc();
  AlignedArray data(scratchpad.is_zero() ? 0 : floats_of(scratchpad));
  if (!scratchpad.is_zero()) arguments.emplace_back(DNNL_ARG_SCRATCHPAD, memory(scratchpad, data.data()));
  Operation(descriptor, arguments).run();
}

}  // namespace onednn
}  // namespace lockstep
