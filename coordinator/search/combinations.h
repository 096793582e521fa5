// Combinations of values of the parameters, counted and numbered, not made.
//
// Conditions make trees of the parameters, each hanging on the one its condition names. The combinations of a tree are
// a sum over the choices of its root of the product over the trees that hang on it and are active.
// Threads: const members from any.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "coordinator/search/history.h"

namespace lockstep {

class Combinations {
 public:
  // Numbers up to here are exact; larger ones stay at it.
  static constexpr std::uint64_t kMany = std::uint64_t(1) << 40;

  // So many values of each dimension, and the snapped coordinate of each. A categorical one has all of its choices.
  Combinations(const SearchSpace& space, std::vector<std::uint64_t> values,
               std::function<double(int dimension, std::uint64_t value)> coordinate);
  // Of all values that there are; of a real number without end.
  static Combinations all(const SearchSpace& space);

  std::uint64_t count() const { return count_; }
  // Number `index` of them, the last parameter fastest. Requires: index < count().
  Point at(std::uint64_t index) const;

 private:
  // Combinations that begin with the first coordinates of `unit`, up to `last`.
  std::uint64_t completions(const std::vector<double>& unit, int last) const;

  const SearchSpace& space_;
  std::vector<std::uint64_t> values_;
  std::function<double(int, std::uint64_t)> coordinate_;
  std::vector<std::uint64_t> of_tree_;
  std::uint64_t count_ = 0;
};

}  // namespace lockstep
