// Random numbers as a function of keys: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
// 1, 2, 3", SC'11), from Random123. There is no state to save: the same key and counter give the same numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lockstep {

// What the numbers are for; keeps streams of one seed apart.
enum class Purpose : std::uint32_t {
  kInitialization = 1,
  kRowOrder = 2,
  kAugmentation = 3,
  kDropout = 4,
  kSynthetic = 5,
  kSearch = 6,
  kImport = 7,
  kTransform = 8,
  kHoldOut = 9,
  kMixing = 10,
  kClassOrder = 11
};

// The generator itself: ten rounds.
std::array<std::uint32_t, 4> philox_block(const std::array<std::uint32_t, 4>& counter,
                                          const std::array<std::uint32_t, 2>& key);

// A stream of 2^34 numbers: (seed, purpose) is the key; (a, b) and the position are the counter.
// Example: Philox(seed, Purpose::kAugmentation, epoch, row).
class Philox {
 public:
  Philox(std::uint64_t seed, Purpose purpose, std::uint32_t a, std::uint64_t b);

  // The next 32 random bits.
  std::uint32_t next();
  // Uniform in [0, 1), with 24 bits.
  float uniform();
  // Uniform in [0, bound), without bias (Lemire 2019, arXiv:1805.10941). Requires: bound > 0.
  std::uint32_t below(std::uint32_t bound);
  // Standard normal (Box and Muller 1958); takes two numbers of the stream.
  float normal();

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  std::size_t used_ = 4;  // numbers of block_ that were given out
};

// A stable 64-bit key of a name (XXH3).
std::uint64_t key_of(std::string_view name);

}  // namespace lockstep
