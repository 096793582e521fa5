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

void MemoryPlan::may_lie_in(Slot part, Slot whole, std::size_t offset) {
  CHECK(offset + at(part).elements <= at(whole).elements);
  parts_.push_back({part, whole, offset});
}

void MemoryPlan::use(Slot slot, Sequence sequence, int time) {
  Lifetimes now{};
  now[std::size_t(sequence)] = {time, time};
  CHECK(slot != Slot::kNone);
  Place& place = home(slot);
  extend(place.own, now);
  extend(place.needed, now);
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

bool MemoryPlan::meet(const Lifetimes& a, const Lifetimes& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].first <= b[i].last && b[i].first <= a[i].last) return true;
  }
  return false;
}

void MemoryPlan::extend(Lifetimes& lifetimes, const Lifetimes& by) {
  for (std::size_t i = 0; i < by.size(); ++i) {
    lifetimes[i].first = std::min(lifetimes[i].first, by[i].first);
    lifetimes[i].last = std::max(lifetimes[i].last, by[i].last);
  }
}

bool MemoryPlan::ends_before(const Lifetimes& input, const Lifetimes& output) {
  for (std::size_t i = 0; i < input.size(); ++i) {
    const bool both = input[i].last >= 0 && output[i].last >= 0;
    if (both && input[i].last > output[i].first) return false;
  }
  return true;
}

bool MemoryPlan::is_free(const Place& input, const Place& output) const {
  if (!ends_before(input.needed, output.needed)) return false;
  // The other parts of a whole have their own places there.
  for (Slot outer = input.alias_of; outer != Slot::kNone; outer = places_[std::size_t(outer)].alias_of) {
    if (!ends_before(places_[std::size_t(outer)].own, output.needed)) return false;
  }
  return true;
}

void MemoryPlan::lay(Place& inner, Slot outer) {
  inner.alias_of = outer;
  for (; outer != Slot::kNone; outer = places_[std::size_t(outer)].alias_of) {
    extend(places_[std::size_t(outer)].needed, inner.needed);
  }
}

void MemoryPlan::lay_parts_in_wholes() {
  for (const Part& it : parts_) {
    Place& part = home(it.part);
    const Place& whole = at(it.whole);
    if (!is_own(part) || !is_own(whole) || &part == &whole) continue;
    part.is_part = true;
    part.offset = it.offset;
    lay(part, it.whole);
  }
}

void MemoryPlan::overwrite_inputs() {
  std::set<Slot> decided;
  for (const auto& [output, input] : overwritable_) {
    if (decided.contains(output) || &at(input) == &at(output)) continue;
    Place& from = home(input);
    Place& to = home(output);
    const bool are_ours = from.arena == Arena::kOwn && to.arena == Arena::kOwn;
    if (!are_ours || (from.is_part && to.is_part) || !is_free(from, to)) continue;
    Place& stays = to.is_part ? to : from;
    Place& goes = to.is_part ? from : to;
    extend(stays.own, goes.own);
    lay(goes, Slot(&stays - places_.data()));
    decided.insert(output);
  }
}

void MemoryPlan::arrange(bool shared) {
  if (shared) {
    lay_parts_in_wholes();
    overwrite_inputs();
  }
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
      if (shared && !meet(place->needed, other->needed)) continue;
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

MemoryPlan::Place& MemoryPlan::home(Slot slot) {
  Place* place = &places_[std::size_t(slot)];
  while (place->alias_of != Slot::kNone && !place->is_part) place = &places_[std::size_t(place->alias_of)];
  return *place;
}

std::size_t MemoryPlan::offset_of(Slot slot) const {
  std::size_t sum = 0;
  for (; slot != Slot::kNone; slot = places_[std::size_t(slot)].alias_of) sum += places_[std::size_t(slot)].offset;
  return sum;
}

}  // namespace lockstep
