#include "trainer/nn/kernels/reorder.h"

#include "storage/base/status.h"
#include "trainer/nn/kernels/element_type.h"

namespace lockstep {
namespace {

using onednn::Blocking;
using onednn::Dims;

std::size_t offset_of(const Blocking& blocking, Dims position) {
  std::size_t offset = 0;
  std::size_t stride = 1;
  for (std::size_t i = blocking.inner_sizes.size(); i-- > 0;) {
    std::int64_t& coordinate = position[std::size_t(blocking.inner_dimensions[i])];
    offset += std::size_t(coordinate % blocking.inner_sizes[i]) * stride;
    coordinate /= blocking.inner_sizes[i];
    stride *= std::size_t(blocking.inner_sizes[i]);
  }
  for (std::size_t i = 0; i < position.size(); ++i) offset += std::size_t(position[i] * blocking.strides[i]);
  return offset;
}

// The next position in plain order. False after the last one.
bool advance(const Dims& dims, Dims& position) {
  for (std::size_t i = dims.size(); i-- > 0;) {
    if (++position[i] < dims[i]) return true;
    position[i] = 0;
  }
  return false;
}

}  // namespace

bool reorder_is_reliable(const onednn::Descriptor& to) {
  return !onednn::kReorderIsBroken || onednn::blocking_of(to).padded_dims == onednn::dims_of(to);
}

std::vector<std::int32_t> gather_indices(const onednn::Descriptor& from, const onednn::Descriptor& to) {
  const Dims dims = onednn::dims_of(to);
  CHECK(dims == onednn::dims_of(from));
  const Blocking from_blocking = onednn::blocking_of(from);
  const Blocking to_blocking = onednn::blocking_of(to);
  std::vector<std::int32_t> indices(onednn::elements_of(to), -1);
  Dims position(dims.size(), 0);
  do {
    indices[offset_of(to_blocking, position)] = static_cast<std::int32_t>(offset_of(from_blocking, position));
  } while (advance(dims, position));
  return indices;
}

void gather(std::span<const std::int32_t> indices, const void* from, onednn::Type from_type, void* to,
            onednn::Type to_type) {
  with_element_type(from_type, [&]<typename From>(From) {
    with_element_type(to_type, [&]<typename To>(To) {
      const From* const source = static_cast<const From*>(from);
      To* const target = static_cast<To*>(to);
      for (std::size_t i = 0; i < indices.size(); ++i) {
        from_float(indices[i] < 0 ? 0.F : to_float(source[indices[i]]), target[i]);
      }
    });
  });
}

void reorder_once(const onednn::Descriptor& from_layout, const void* from, const onednn::Descriptor& to_layout,
                  void* to) {
  if (!reorder_is_reliable(to_layout)) {
    return gather(gather_indices(from_layout, to_layout), from, onednn::type_of(from_layout), to,
                  onednn::type_of(to_layout));
  }
  const onednn::PrimitiveDescriptor descriptor = onednn::reorder(from_layout, to_layout);
  CHECK(descriptor, "oneDNN has no reorder");
  // It takes no constant pointers, and does not write there.
  onednn::run_once(descriptor, {{DNNL_ARG_FROM, onednn::memory(from_layout, const_cast<void*>(from))},
                                {DNNL_ARG_TO, onednn::memory(to_layout, to)}});
}

}  // namespace lockstep
