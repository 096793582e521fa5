#include "trainer/nn/memory_plan.h"

#include <algorithm>

#include "storage/base/status.h"
#include "trainer/tensor/tensor.h"

namespace lockstep {
namespace {

constexpr Slot kScratchpad = Slot{0};

}  // namespace

MemoryPlan::MemoryPlan() {
  places_.push_back({.arena = Arena::kOwn});
}

Slot MemoryPlan::add(std::size_t elements) {
  CHECK(own_.size() == 0, "the plan is already placed");
  places_.push_back({.arena = Arena::kOwn, .elements = elements});
  return Slot(places_.size() - 1);
}

Slot MemoryPlan::add_external(Arena arena, std::size_t offset) {
  CHECK(arena != Arena::kOwn);
  places_.push_back({.arena = arena, .offset = offset});
  return Slot(places_.size() - 1);
}

void MemoryPlan::alias(Slot slot, Slot target) {
  CHECK(at(slot).elements == at(target).elements && &at(slot) != &at(target));
  places_[std::size_t(slot)].alias_of = target;
}

Slot MemoryPlan::scratchpad(std::size_t elements) {
  places_[std::size_t(kScratchpad)].elements = std::max(places_[std::size_t(kScratchpad)].elements, elements);
  return kScratchpad;
}

dnnl::memory MemoryPlan::memory(const onednn::Descriptor& descriptor, Slot slot) {
  dnnl::memory made = onednn::memory(descriptor, nullptr);
  memories_[std::size_t(at(slot).arena)].emplace_back(made, slot);
  return made;
}

std::size_t MemoryPlan::elements() const {
  std::size_t total = 0;
  for (const Place& place : places_) total += is_own(place) ? whole_lines(place.elements) : 0;
  return total;
}

void MemoryPlan::place() {
  std::size_t next = 0;
  for (Place& place : places_) {
    if (!is_own(place)) continue;
    place.offset = next;
    next += whole_lines(place.elements);
  }
  own_ = AlignedArray(std::max<std::size_t>(next, 1));
  point(Arena::kOwn, own_.data());
}

void MemoryPlan::point(Arena arena, float* base) {
  float*& known = bases_[std::size_t(arena)];
  if (known == base) return;
  known = base;
  for (const auto& [memory, slot] : memories_[std::size_t(arena)]) onednn::set_data(memory, data(slot));
}

const MemoryPlan::Place& MemoryPlan::at(Slot slot) const {
  CHECK(slot != Slot::kNone);
  const Place* place = &places_[std::size_t(slot)];
  while (place->alias_of != Slot::kNone) place = &places_[std::size_t(place->alias_of)];
  return *place;
}

}  // namespace lockstep
