// Denormal numbers count as zero on this thread while the object lives: they are slow, and mean nothing here. All sums
// of gradients run so, in a rank and between ranks: a sum that is denormal in one place and zero in another would make
// the bits depend on the number of ranks.
#pragma once

#include <immintrin.h>

namespace lockstep {

class FlushToZero {
 public:
  FlushToZero() : before_(_mm_getcsr()) { set(before_); }
  ~FlushToZero() { _mm_setcsr(before_); }
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

  // From now on, for good, on a thread that has this setting.
  static void set(unsigned setting = _mm_getcsr()) { _mm_setcsr(setting | kFlush); }

 private:
  static constexpr unsigned kFlush = 0x8040;  // flush results to zero, take operands as zero
  unsigned before_;
};

}  // namespace lockstep
