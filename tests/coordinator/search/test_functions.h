// Functions with known minima, for comparing searchers.
#pragma once

#include <span>

#include "coordinator/search/search.h"

namespace lockstep {

struct TestFunction {
  const char* name;
  SearchSpace space;
  double (*value)(std::span<const double> numbers);  // of a choice its number
};

// Branin 1972: minimum 0.3979 at three points.
TestFunction branin();
// Hartmann 1973, six dimensions: minimum -3.3224, and a local one of -3.20 that is hard to leave.
TestFunction hartmann6();

// Like the loss of a training in six parameters of all kinds: rate, momentum, weight decay, width, depth, optimizer.
// The minimum is 0.04.
TestFunction training();
// The same, but 1e5 where the rate is above 0.3, as where a training explodes.
TestFunction exploding_training();

// {random {}}, {gp {}} and so on, from text.
proto::Search search_of(std::string_view text);
// Parameters from text: "parameter { ... } parameter { ... }".
Parameters parameters_of(std::string_view text);

// The smallest value that a searcher has found, one trial after another.
double best_of(const proto::Search& search, const TestFunction& function, std::uint64_t seed, int trials);

}  // namespace lockstep
