#include "trainer/nn/kernels/channel_layout.h"

#include "storage/base/status.h"

namespace lockstep {

std::optional<ChannelLayout> channel_layout_of(const onednn::Descriptor& descriptor) {
  const onednn::Dims dims = onednn::dims_of(descriptor);
  CHECK(dims.size() == 4, "{} dimensions", dims.size());
  // The few that there are: what each would be is compared with what it is.
  for (const ChannelLayout& layout : {ChannelLayout{}, ChannelLayout{.block = 16}, ChannelLayout{.block = 8},
                                      ChannelLayout{.block = dims[1], .channels_last = true}}) {
    if (in_channel_layout(layout, dims, onednn::type_of(descriptor)) == descriptor) return layout;
  }
  return std::nullopt;
}

onednn::Descriptor in_channel_layout(const ChannelLayout& layout, const onednn::Dims& dims, onednn::Type type) {
  using Tag = dnnl::memory::format_tag;
  if (layout.channels_last) return onednn::Descriptor(dims, type, Tag::acdb);
  if (layout.block == 16) return onednn::Descriptor(dims, type, Tag::aBcd16b);
  if (layout.block == 8) return onednn::Descriptor(dims, type, Tag::aBcd8b);
  return onednn::plain(dims, type);
}

}  // namespace lockstep
