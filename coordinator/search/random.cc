#include "coordinator/search/combinations.h"
#include "coordinator/search/searchers.h"

namespace lockstep {
namespace {

// Points of a space up to which the untried ones are looked for one after another. Larger ones are not used up by the
// trials that a sweep may have: draws find new points in them.
constexpr std::uint64_t kMostCounted = 1'000'000;

}  // namespace

Suggestion suggest_random(const Inquiry& question) {
  Draws draws("search.random", question.seed, question.trial);
  const Point point = draws.untried_point(question);
  if (!question.tried(point)) return {question.space.at(point), "random draw"};
  const Combinations all = Combinations::all(question.space);
  if (all.count() <= kMostCounted) {
    const std::uint64_t first = draws.below(static_cast<int>(all.count()));
    for (std::uint64_t i = 0; i < all.count(); ++i) {
      const Point next = all.at((first + i) % all.count());
      if (question.tried(next)) continue;
      return {question.space.at(next),
              fmt::format("the next of {} combinations that was not tried, from a random one on; "
                          "those that were drawn before were tried",
                          all.count())};
    }
  }
  return {question.space.at(point), "random draw; it was tried before, as were all others drawn"};
}

}  // namespace lockstep
