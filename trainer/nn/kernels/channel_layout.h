// Layouts of images in which each row lies in one piece and its channels are cut into blocks: (rows, channels / block,
// positions, block). Our own loops over channels run on all of them. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "trainer/nn/kernels/onednn.h"

namespace lockstep {

struct ChannelLayout {
  std::int64_t block = 1;  // 1: in plain order; all channels: channels last
  bool channels_last = false;
  bool operator==(const ChannelLayout&) const = default;
};

// Empty for a layout of another kind. Requires: four dimensions.
std::optional<ChannelLayout> channel_layout_of(const onednn::Descriptor& descriptor);

// An array of four dimensions in such a layout; of plain ones for a block for which oneDNN has no name.
onednn::Descriptor in_channel_layout(const ChannelLayout& layout, const onednn::Dims& dims, onednn::Type type);

}  // namespace lockstep
