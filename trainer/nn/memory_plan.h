// A MemoryPlan decides where every array of a network lies. While the network is built, arrays are slots: numbers
// without an address. place() then gives each slot its place, once; after that only whole external arenas move.
//
// Threads: one thread per object.
#pragma once

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "trainer/nn/onednn.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {

// kOwn is allocated by the plan; the others belong to someone else, who says where with point().
enum class Arena { kOwn, kInput, kValues, kGradients, kBuffers, kStatistics };
inline constexpr std::size_t kArenas = 6;

enum class Slot : int { kNone = -1 };

class MemoryPlan {
 public:
  MemoryPlan();

  // A new array of our own.
  Slot add(std::size_t elements);
  // A piece of an external arena.
  Slot add_external(Arena arena, std::size_t offset);
  // Makes `slot` the same array as `target`. Requires: same number of elements; neither placed.
  void alias(Slot slot, Slot target);
  // The one array that every primitive uses as scratchpad; it grows to the largest request.
  Slot scratchpad(std::size_t elements);

  // A memory object over a slot; it follows the slot when that gets its place or moves.
  dnnl::memory memory(const onednn::Descriptor& descriptor, Slot slot);

  // Allocates the arena of our own. Once.
  void place();
  // Says where an external arena begins. Cheap when it has not moved.
  void point(Arena arena, float* base);

  // Requires: the slot's arena has its place.
  float* data(Slot slot) const { return bases_[std::size_t(at(slot).arena)] + at(slot).offset; }
  // Of the arena of our own, placed or not.
  std::size_t elements() const;

 private:
  struct Place {
    Arena arena;
    std::size_t offset = 0;  // of our own arrays: known once placed
    std::size_t elements = 0;
    Slot alias_of = Slot::kNone;
  };
  const Place& at(Slot slot) const;
  static bool is_own(const Place& place) { return place.arena == Arena::kOwn && place.alias_of == Slot::kNone; }

  std::vector<Place> places_;
  std::array<std::vector<std::pair<dnnl::memory, Slot>>, kArenas> memories_;  // by arena
  std::array<float*, kArenas> bases_{};
  AlignedArray own_;
};

}  // namespace lockstep
