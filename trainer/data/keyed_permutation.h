// A permutation of [0, n) as a function of a key, in no memory: for row orders that are too long to be kept.
//
// A Feistel network whose halves are residues: x = left + a * right, with a * b the least product of this shape that
// holds n; what falls outside [0, n) goes through again until it falls inside (Black and Rogaway 2002, "Ciphers with
// arbitrary finite domains", CT-RSA, sections 4 and 5). Its rounds are Philox4x32-10. Not uniform over all n!
// permutations, which no key of 64 bits could choose among, but without a pattern that statistics could find.
// Threads: const after construction.
#pragma once

#include <array>
#include <cstdint>

namespace lockstep {

class KeyedPermutation {
 public:
  // Requires: 1 <= n <= 2^62.
  KeyedPermutation(std::array<std::uint32_t, 2> key, std::int64_t n);

  // Where place `x` goes. Requires: x in [0, n).
  std::int64_t operator()(std::int64_t x) const;

 private:
  std::uint64_t once(std::uint64_t x) const;

  std::array<std::uint32_t, 2> key_;
  std::uint64_t n_;
  std::uint64_t a_, b_;
};

}  // namespace lockstep
