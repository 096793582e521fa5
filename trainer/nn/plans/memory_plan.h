// A MemoryPlan decides where every array of a network lies. While the network is built, arrays are slots: numbers
// without an address, each written by one step. Then every step says which slots it needs, and arrange() gives each its
// place: parts lie in their wholes, a step writes over its input where nobody reads that again, and arrays that are
// never needed at once may share a place (the largest first, each at the lowest free one: Pisarchyk and Lee 2020,
// arXiv:2001.03288, "greedy by size").
// After that only whole external arenas move. Sizes are in floats.
//
// Threads: one thread per object.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "trainer/nn/kernels/onednn.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {

// kOwn is allocated by the plan; the others belong to someone else, who says where with point().
enum class Arena { kOwn, kInput, kValues, kFrozen, kGradients, kBuffers };
inline constexpr std::size_t kArenas = 6;

enum class Slot : int { kNone = -1 };

// Orders in which steps run. No array that use() names keeps its contents from one run to the next.
enum class Sequence { kTraining, kEvaluation };

class MemoryPlan {
 public:
  // A new array of our own.
  Slot add(std::size_t elements);
  // A piece of an external arena.
  Slot add_external(Arena arena, std::size_t offset);
  // Makes `slot` the same array as `target`, with the same contents. Requires: same number of elements; neither placed.
  void alias(Slot slot, Slot target);
  // The step that writes `output` reads `input` element by element and may write over it. Of several inputs the first
  // one that is free is taken. Requires: same number of elements; neither placed.
  void may_overwrite(Slot output, Slot input);

  // `part` is what `whole` has from an element on, and may lie there; it does so unless it lies in another one already.
  // Requires: neither placed; other parts of the whole begin behind its end.
  void may_lie_in(Slot part, Slot whole, std::size_t offset);

  // Step number `time` of the sequence reads or writes the array.
  void use(Slot slot, Sequence sequence, int time);
  // The array keeps its contents between runs.
  void keep(Slot slot);

  // A memory object over a slot; it follows the slot when that gets its place or moves.
  dnnl::memory memory(const onednn::Descriptor& descriptor, Slot slot);

  // Decides the places of our own arrays. Once. Not shared: each has its own place, for comparison.
  void arrange(bool shared);
  // Allocates the arena of our own. Once, after arrange().
  void allocate();
  // Says where an external arena begins. Cheap when it has not moved.
  void point(Arena arena, float* base);

  // Requires: the slot's arena has its place.
  template <typename T = float>
  T* data(Slot slot) const {
    return reinterpret_cast<T*>(bases_[std::size_t(at(slot).arena)] + offset_of(slot));
  }
  // Of the arena of our own, once arranged.
  std::size_t elements() const { return arena_elements_; }

 private:
  // First and last step that needs an array, by sequence.
  struct Lifetime {
    int first = std::numeric_limits<int>::max();
    int last = -1;
  };
  using Lifetimes = std::array<Lifetime, 2>;
  struct Place {
    Arena arena;
    std::size_t offset = 0;  // of our own arrays: known once placed; of a part: in alias_of
    std::size_t elements = 0;
    Slot alias_of = Slot::kNone;
    bool is_part = false;  // of alias_of, which is larger
    Lifetimes own{};       // with that of arrays that have the very same place
    Lifetimes needed{};    // with that of its parts, too
    bool is_used() const { return needed[0].last >= 0 || needed[1].last >= 0; }
  };
  struct Part {
    Slot part, whole;
    std::size_t offset;
  };

  // The array that lies nowhere else; and the one with the very place of the slot, which may be a part of another.
  const Place& at(Slot slot) const;
  Place& home(Slot slot);
  std::size_t offset_of(Slot slot) const;
  void lay(Place& inner, Slot outer);
  void lay_parts_in_wholes();
  void overwrite_inputs();
  // Whether nobody needs `input`, nor what it is a part of, any more when `output` has been written.
  bool is_free(const Place& input, const Place& output) const;
  static bool ends_before(const Lifetimes& input, const Lifetimes& output);
  static bool meet(const Lifetimes& a, const Lifetimes& b);
  static void extend(Lifetimes& lifetimes, const Lifetimes& by);
  static bool is_own(const Place& place) { return place.arena == Arena::kOwn && place.alias_of == Slot::kNone; }

  std::vector<Place> places_;
  std::vector<std::pair<Slot, Slot>> overwritable_;  // output and input, in the order of the build
  std::vector<Part> parts_;                          // in the order of the build
  std::array<std::vector<std::pair<dnnl::memory, Slot>>, kArenas> memories_;  // by arena
  std::array<float*, kArenas> bases_{};
  std::size_t arena_elements_ = 0;
  AlignedArray own_;
};

}  // namespace lockstep
