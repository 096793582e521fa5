#include "trainer/nn/plans/memory_plan.h"

#include <algorithm>
#include <set>

#include "storage/base/status.h"
#include "trainer/tensor/tensor.h"

namespace lockstep {

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

void MemoryPlan::may_overwrite(Slot output, Slot input) {
  CHECK(at(output).elements == at(input).elements || !is_own(at(input)));
  overwritable_.emplace_back(output, input);
}

void MemoryPlan::use(Slot slot, Sequence sequence, int time) {
  Place::Lifetime& lifetime = const_cast<Place&>(at(slot)).lifetimes[std::size_t(sequence)];
  lifetime.first = std::min(lifetime.first, time);
  lifetime.last = std::max(lifetime.last, time);
}

void MemoryPlan::keep(Slot slot) {
  for (const Sequence sequence : {Sequence::kTraining, Sequence::kEvaluation}) {
    use(slot, sequence, 0);
    use(slot, sequence, std::numeric_limits<int>::max());
  }
}

dnnl::memory MemoryPlan::memory(const onednn::Descriptor& descriptor, Slot slot) {
  dnnl::memory made = onednn::memory(descriptor, nullptr);
  memories_[std::size_t(at(slot).arena)].emplace_back(made, slot);
  return made;
}

bool MemoryPlan::meet(const Place& a, const Place& b) {
  for (std::size_t i = 0; i < a.lifetimes.size(); ++i) {
    if (a.lifetimes[i].first <= b.lifetimes[i].last && b.lifetimes[i].first <= a.lifetimes[i].last) return true;
  }
  return false;
}

bool MemoryPlan::ends_before(const Place& input, const Place& output) {
  for (std::size_t i = 0; i < input.lifetimes.size(); ++i) {
    const bool both = input.lifetimes[i].last >= 0 && output.lifetimes[i].last >= 0;
    if (both && input.lifetimes[i].last > output.lifetimes[i].first) return false;
  }
  return true;
}

void MemoryPlan::overwrite_inputs() {
  std::set<Slot> decided;
  for (const auto& [output, input] : overwritable_) {
    if (decided.contains(output)) continue;
    auto& from = const_cast<Place&>(at(input));
    auto& to = const_cast<Place&>(at(output));
    if (&from == &to || !is_own(from) || !is_own(to) || !ends_before(from, to)) continue;
    for (std::size_t i = 0; i < from.lifetimes.size(); ++i) {
      from.lifetimes[i].first = std::min(from.lifetimes[i].first, to.lifetimes[i].first);
      from.lifetimes[i].last = std::max(from.lifetimes[i].last, to.lifetimes[i].last);
    }
    to.alias_of = Slot(&from - places_.data());
    decided.insert(output);
  }
}

void MemoryPlan::arrange(bool shared) {
  if (shared) overwrite_inputs();
  std::vector<Place*> largest_first;
  for (Place& place : places_) {
    if (is_own(place) && place.is_used()) largest_first.push_back(&place);
  }
  std::stable_sort(largest_first.begin(), largest_first.end(),
                   [](const Place* a, const Place* b) { return a->elements > b->elements; });
  arena_elements_ = 0;
  std::vector<const Place*> arranged;  // by offset
  for (Place* const place : largest_first) {
    const std::size_t elements = whole_lines(place->elements);
    place->offset = 0;
    for (const Place* const other : arranged) {
      if (shared && !meet(*place, *other)) continue;
      if (place->offset + elements <= other->offset) break;
      place->offset = std::max(place->offset, other->offset + whole_lines(other->elements));
    }
    arena_elements_ = std::max(arena_elements_, place->offset + elements);
    arranged.insert(std::upper_bound(arranged.begin(), arranged.end(), place,
                                     [](const Place* a, const Place* b) { return a->offset < b->offset; }),
                    place);
  }
}

void MemoryPlan::allocate() {
  own_ = AlignedArray(std::max<std::size_t>(arena_elements_, 1));
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
