// The order in which the arrays of consecutive slices are added: halves while their number is even, an odd rest from
// left to right. For 12 slices: ((0+1+2) + (3+4+5)) + ((6+7+8) + (9+10+11)), each + from the left.
//
// It is carried out with a stack: each slice's array comes on top, then some additions each replace the two upper
// arrays by their sum (lower + upper). The half of a tree is the tree of half as many slices, so ranks that hold equal
// power-of-two parts of the slices add as one rank would.
#pragma once

namespace lockstep {

class SliceTree {
 public:
  // Requires: slices > 0.
  explicit SliceTree(int slices);
  int slices() const { return slices_; }
  // Additions to do when `slice` (from 0) has been pushed. After the last slice one array is left.
  int additions_after(int slice) const;
  // The most arrays on the stack at once, after the additions.
  int depth() const { return depth_; }

 private:
  int slices_;
  int odd_;  // slices in the odd rest
  int depth_;
};

}  // namespace lockstep
