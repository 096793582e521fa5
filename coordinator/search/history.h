// What one suggestion is made from: the space, the trials so far as points of the unit cube, and random numbers.
// Threads: const members from any; Draws belong to one.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "coordinator/search/search.h"
#include "coordinator/search/space.h"
#include "storage/base/philox.h"

namespace lockstep {

// A trial as a point.
struct Past {
  int trial = 0;
  std::vector<double> unit;  // snapped
  Observation::State state = Observation::State::kPending;
  double value = 0;
};

// A point of the unit cube to try, as it was drawn, not snapped.
using Point = std::vector<double>;

// Trials in the order of their numbers, whatever order they came in.
class History {
 public:
  History(const SearchSpace& space, std::span<const Observation> observations);

  const std::vector<Past>& trials() const { return trials_; }
  // Trials that are done, best first; of equal ones the earlier.
  const std::vector<const Past*>& done() const { return done_; }
  // Trials that are done or have failed.
  int finished() const { return finished_; }
  // Whether some trial has these snapped coordinates.
  bool tried(const std::vector<double>& snapped) const { return tried_.contains(snapped); }

 private:
  std::vector<Past> trials_;
  std::vector<const Past*> done_;
  int finished_ = 0;
  std::set<std::vector<double>> tried_;
};

// What a searcher is asked.
struct Inquiry {
  const SearchSpace& space;
  const History& history;
  std::uint64_t seed;
  int trial;

  bool tried(const Point& point) const { return history.tried(space.snapped(point)); }
};

// The random numbers of one suggestion; `name` keeps those of different uses apart.
class Draws {
 public:
  Draws(std::string_view name, std::uint64_t seed, int trial);

  // Uniform in [0, 1), with 53 bits.
  double uniform();
  double normal() { return philox_.normal(); }
  // Requires: bound > 0.
  int below(int bound) { return static_cast<int>(philox_.below(static_cast<std::uint32_t>(bound))); }
  // A uniform point of the cube.
  Point point(int dimensions);
  // A uniform point that was not tried; after a bounded number of draws one that was.
  Point untried_point(const Inquiry& question);

 private:
  Philox philox_;
};

}  // namespace lockstep
