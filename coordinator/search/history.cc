#include "coordinator/search/history.h"

#include <algorithm>
#include <cmath>

namespace lockstep {
namespace {

constexpr int kMostDraws = 200;

}  // namespace

History::History(const SearchSpace& space, std::span<const Observation> observations) {
  for (const Observation& observation : observations) {
    using enum Observation::State;
    const bool failed = observation.state == kDone && !std::isfinite(observation.value);
    trials_.push_back({observation.trial, space.unit_of(observation.assignments), failed ? kFailed : observation.state,
                       observation.value});
  }
  std::sort(trials_.begin(), trials_.end(), [](const Past& a, const Past& b) { return a.trial < b.trial; });
  for (const Past& past : trials_) {
    if (past.state == Observation::State::kDone) done_.push_back(&past);
    if (past.state != Observation::State::kPending) ++finished_;
    tried_.insert(past.unit);
  }
  std::stable_sort(done_.begin(), done_.end(), [](const Past* a, const Past* b) { return a->value < b->value; });
}

Draws::Draws(std::string_view name, std::uint64_t seed, int trial)
    : philox_(seed ^ key_of(name), Purpose::kSearch, 0, static_cast<std::uint64_t>(trial)) {}

double Draws::uniform() {
  const std::uint64_t high = philox_.next() >> 5;
  const std::uint64_t low = philox_.next() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

Point Draws::point(int dimensions) {
  Point result(dimensions);
  for (double& coordinate : result) coordinate = uniform();
  return result;
}

Point Draws::untried_point(const Inquiry& question) {
  Point result = point(question.space.dimensions());
  for (int draw = 1; draw < kMostDraws && question.tried(result); ++draw) result = point(question.space.dimensions());
  return result;
}

}  // namespace lockstep
