#include "trainer/comm/slice_tree.h"

#include <algorithm>
#include <bit>

#include "storage/base/status.h"

namespace lockstep {

SliceTree::SliceTree(int slices) : slices_(slices), odd_(slices), depth_(0) {
  CHECK(slices > 0, "{} slices", slices);
  while (odd_ % 2 == 0) odd_ /= 2;
  int height = 0;
  for (int slice = 0; slice < slices; ++slice) {
    height += 1 - additions_after(slice);
    depth_ = std::max(depth_, height);
  }
}

int SliceTree::additions_after(int slice) const {
  const int in_run = slice % odd_;
  const auto run = static_cast<unsigned>(slice / odd_);
  const int within_run = in_run > 0 ? 1 : 0;
  // A finished run carries as a one does that is added to a binary number.
  const int between_runs = in_run == odd_ - 1 ? std::countr_one(run) : 0;
  return within_run + between_runs;
}

}  // namespace lockstep
