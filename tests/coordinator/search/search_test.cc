// What holds of every searcher, in spaces drawn at random.
#include "coordinator/search/search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>

#include <gtest/gtest.h>

#include "storage/base/philox.h"
#include "tests/coordinator/search/random_space.h"
#include "tests/coordinator/search/test_functions.h"

namespace lockstep {
namespace {

constexpr const char* kSearches[] = {
    "", "random {}", "grid { steps: 4 }", "sobol {}", "tpe { startup_trials: 5 }", "gp { startup_trials: 5 }"};

// Every fifth fails, every seventh still runs; the others have a value that depends on all assignments.
Observation observation_of(int trial, const std::vector<proto::Assignment>& assignments) {
  using enum Observation::State;
  double value = static_cast<double>(assignments.size());
  for (const proto::Assignment& assignment : assignments)
    value += assignment.number() * assignment.number() + static_cast<double>(key_of(assignment.choice()) % 7);
  return {trial, assignments, trial % 5 == 4 ? kFailed : trial % 7 == 6 ? kPending : kDone, value};
}

std::vector<Observation> history_of(const proto::Search& search, const SearchSpace& space, std::uint64_t seed,
                                    int trials) {
  std::vector<Observation> observations;
  trials = std::min(trials, most_trials(search, space));
  for (int trial = 0; trial < trials; ++trial)
    observations.push_back(observation_of(trial, suggest(search, space, observations, seed, trial).assignments));
  return observations;
}

TEST(Search, SuggestsWhatTheSpaceAdmits) {
  for (const char* text : kSearches) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      const Parameters parameters = random_parameters(seed);
      for (const Observation& observation : history_of(search_of(text), SearchSpace(parameters), seed, 16))
        ASSERT_EQ(fault_in(parameters, observation.assignments), "") << text << " seed " << seed;
    }
  }
}

TEST(Search, IsAFunctionOfItsArgumentsAndOfNoOrder) {
  for (const char* text : kSearches) {
    const proto::Search search = search_of(text);
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const SearchSpace space(random_parameters(seed));
      std::vector<Observation> observations = history_of(search, space, seed, 14);
      const int trial = static_cast<int>(observations.size()) - 1;
      observations.pop_back();
      const Suggestion once = suggest(search, space, observations, seed, trial);
      const Suggestion again = suggest(search, space, observations, seed, trial);
      EXPECT_EQ(text_of(once.assignments), text_of(again.assignments)) << text;
      EXPECT_EQ(once.reason, again.reason);
      std::reverse(observations.begin(), observations.end());
      std::swap(observations.front(), observations[observations.size() / 2]);
      const Suggestion reordered = suggest(search, space, observations, seed, trial);
      EXPECT_EQ(text_of(once.assignments), text_of(reordered.assignments)) << text;
      EXPECT_EQ(once.reason, reordered.reason);
    }
  }
}

TEST(Search, SeedAndTrialChangeTheDraws) {
  const SearchSpace space = branin().space;
  for (const char* text : kSearches) {
    const proto::Search search = search_of(text);
    std::set<std::string> different;
    for (int i = 0; i < 4; ++i) different.insert(text_of(suggest(search, space, {}, 1, i).assignments));
    EXPECT_EQ(different.size(), 4U) << text;
    different.insert(text_of(suggest(search, space, {}, 2, 0).assignments));
    EXPECT_EQ(different.size(), search.has_grid() ? 4U : 5U) << text;
  }
}

TEST(Search, LearnersUseTheResults) {
  const SearchSpace space = branin().space;
  for (const char* text : {"tpe {}", "gp {}"}) {
    const proto::Search search = search_of(text);
    std::vector<Observation> observations = history_of(search, space, 1, 20);
    const Suggestion once = suggest(search, space, observations, 1, 20);
    for (Observation& observation : observations) observation.value = -observation.value;
    EXPECT_NE(text_of(once.assignments), text_of(suggest(search, space, observations, 1, 20).assignments)) << text;
    EXPECT_EQ(once.reason.substr(0, 2), text[0] == 't' ? "TP" : "GP") << once.reason;
  }
}

// Of the last 40 of 60 trials those above 1/2, where all may fail. The minimum near 3/4 is deeper than that near
// 1/4: a learner that does not mind failures goes there.
int trials_above_half(const char* text, bool fail) {
  const SearchSpace space(parameters_of("parameter { name: 'x' path: 'p' float { min: 0 max: 1 } }"));
  std::vector<Observation> observations;
  int above = 0;
  for (int trial = 0; trial < 60; ++trial) {
    Observation observation{trial, suggest(search_of(text), space, observations, 3, trial).assignments};
    const double x = observation.assignments[0].number();
    observation.value = std::cos(4 * std::numbers::pi * x) - x;
    observation.state = fail && x > 0.5 ? Observation::State::kFailed : Observation::State::kDone;
    if (trial >= 20 && x > 0.5) ++above;
    observations.push_back(observation);
  }
  return above;
}

TEST(Search, LearnersKeepAwayFromWhatFails) {
  EXPECT_GT(trials_above_half("random {}", true), 10);
  for (const char* text : {"tpe {}", "gp {}"}) {
    EXPECT_LT(trials_above_half(text, true), 6) << text;
    EXPECT_GT(trials_above_half(text, false), 20) << text;
  }
}

TEST(Search, ValuesThatAreNotFiniteCountAsFailed) {
  const SearchSpace space = branin().space;
  for (const char* text : {"tpe {}", "gp {}"}) {
    std::vector<Observation> observations = history_of(search_of(text), space, 1, 20);
    std::vector<Observation> failed = observations;
    for (int i : {1, 10}) {
      observations[i].state = Observation::State::kDone;
      observations[i].value =
          i == 1 ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
      failed[i].state = Observation::State::kFailed;
    }
    const proto::Search search = search_of(text);
    EXPECT_EQ(text_of(suggest(search, space, observations, 1, 20).assignments),
              text_of(suggest(search, space, failed, 1, 20).assignments));
  }
}

TEST(Search, WorksWhenAllValuesAreEqualOrAllTrialsFail) {
  const Parameters parameters = random_parameters(5);
  const SearchSpace space(parameters);
  for (const char* text : kSearches) {
    for (const auto state : {Observation::State::kDone, Observation::State::kFailed, Observation::State::kPending}) {
      std::vector<Observation> observations = history_of(search_of(text), space, 1, 20);
      for (Observation& observation : observations) {
        observation.value = 1;
        observation.state = state;
      }
      const int trial = std::min(20, most_trials(search_of(text), space) - 1);
      EXPECT_EQ(fault_in(parameters, suggest(search_of(text), space, observations, 1, trial).assignments), "") << text;
    }
  }
}

TEST(Search, RepeatsNothingUntilAllIsTriedAndThenSaysSo) {
  // 3 of x's and 2 * 4 of y's.
  const SearchSpace space(parameters_of(R"(
    parameter { name: 'a' categorical { choice { name: 'x' } choice { name: 'y' } } }
    parameter { name: 'b' path: 'p' int { min: 1 max: 3 log: true } condition { parameter: 'a' is: 'x' } }
    parameter { name: 'c' path: 'p' discrete { value: 1 value: 5 } condition { parameter: 'a' is: 'y' } }
    parameter { name: 'd' path: 'p' int { min: 0 max: 3 } condition { parameter: 'a' is: 'y' } })"));
  for (const char* text : kSearches) {
    const proto::Search search = search_of(text);
    std::vector<Observation> observations;
    std::set<std::string> different;
    for (int trial = 0; trial < 11; ++trial) {
      const Suggestion suggestion = suggest(search, space, observations, 7, trial);
      observations.push_back(observation_of(trial, suggestion.assignments));
      different.insert(text_of(suggestion.assignments));
      EXPECT_EQ(suggestion.reason.find("as were all others"), std::string::npos) << suggestion.reason;
    }
    EXPECT_EQ(different.size(), 11U) << text;
    EXPECT_EQ(most_trials(search, space), 11);
    if (search.has_grid()) continue;
    const std::string reason = suggest(search, space, observations, 7, 11).reason;
    EXPECT_NE(reason.find("as were all others"), std::string::npos) << reason;
  }
}

TEST(Search, UsesUpASmallSpaceWhateverTheSeed) {
  const SearchSpace space(
      parameters_of("parameter { name: 'a' categorical { choice { name: 'x' } choice { name: 'y' } } }"
                    "parameter { name: 'b' path: 'p' float { min: 3 max: 3 } }"
                    "parameter { name: 'c' path: 'p' int { min: 1 max: 400 log: true } }"));
  for (const char* text : {"random {}", "sobol {}"}) {
    const proto::Search search = search_of(text);
    ASSERT_EQ(most_trials(search, space), 800);
    ASSERT_TRUE(looks_at_trials(search, space));
    std::vector<Observation> observations;
    std::set<std::string> different;
    for (int trial = 0; trial < 800; ++trial) {
      observations.push_back({trial, suggest(search, space, observations, 5, trial).assignments});
      different.insert(text_of(observations.back().assignments));
    }
    EXPECT_EQ(different.size(), 800U) << text;
  }
}

TEST(Search, ARealNumberThatMayBeAbsentDoesNotHideWhatIsFinite) {
  const SearchSpace space(
      parameters_of("parameter { name: 'a' categorical { choice { name: 'x' } choice { name: 'y' } } }"
                    "parameter { name: 'b' path: 'p' float { min: 1 max: 2 } condition { parameter: 'a' is: 'x' } }"));
  for (const char* text : {"random {}", "sobol {}"}) {
    const proto::Search search = search_of(text);
    EXPECT_EQ(most_trials(search, space), std::numeric_limits<int>::max());
    EXPECT_TRUE(looks_at_trials(search, space));
    std::vector<Observation> observations;
    std::set<std::string> different;
    for (int trial = 0; trial < 20; ++trial) {
      observations.push_back({trial, suggest(search, space, observations, 5, trial).assignments});
      different.insert(text_of(observations.back().assignments));
    }
    EXPECT_EQ(different.size(), 20U) << text;
    EXPECT_FALSE(looks_at_trials(search, branin().space));
  }
}

TEST(Search, GridHasEachCombinationOnceTheLastParameterFastest) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Parameters parameters = random_parameters(seed);
    const SearchSpace space(parameters);
    const proto::Search search = search_of("grid { steps: 2 }");
    const int points = std::min(most_trials(search, space), 3000);
    std::set<std::string> different;
    std::vector<double> before;
    for (int trial = 0; trial < points; ++trial) {
      const std::vector<proto::Assignment> assignments = suggest(search, space, {}, 1, trial).assignments;
      different.insert(text_of(assignments));
      const std::vector<double> unit = space.unit_of(assignments);
      EXPECT_TRUE(trial == 0 || before < unit) << "seed " << seed << " trial " << trial;
      before = unit;
    }
    EXPECT_EQ(static_cast<int>(different.size()), points);
  }
}

TEST(Search, GridOfRangesHasBothEnds) {
  const SearchSpace space(
      parameters_of("parameter { name: 'x' path: 'p' float { min: 1e-4 max: 1 log: true } }"
                    "parameter { name: 'y' path: 'p' int { min: 1 max: 100 } }"));
  const proto::Search search = search_of("grid {}");
  ASSERT_EQ(most_trials(search, space), 9);
  const double expected[9][2] = {{1e-4, 1},   {1e-4, 51}, {1e-4, 100}, {1e-2, 1}, {1e-2, 51},
                                 {1e-2, 100}, {1, 1},     {1, 51},     {1, 100}};
  for (int trial = 0; trial < 9; ++trial) {
    const Suggestion suggestion = suggest(search, space, {}, 1, trial);
    EXPECT_NEAR(suggestion.assignments[0].number(), expected[trial][0], 1e-12);
    EXPECT_EQ(suggestion.assignments[1].number(), expected[trial][1]);
    EXPECT_EQ(suggestion.reason, fmt::format("grid point {} of 9", trial + 1));
  }
}

TEST(Search, GridOfManyPointsIsCounted) {
  std::string text;
  for (int d = 0; d < 100; ++d)
    text += fmt::format("parameter {{ name: 'x{0}' path: 'x' float {{ min: 0 max: 1 }} }} ", d);
  const SearchSpace space(parameters_of(text));
  EXPECT_EQ(most_trials(search_of("grid {}"), space), std::numeric_limits<int>::max());
  EXPECT_EQ(suggest(search_of("grid {}"), space, {}, 1, 5).assignments[98].number(), 0.5);
  for (const char* searcher : kSearches)
    EXPECT_EQ(suggest(search_of(searcher), space, {}, 1, 5).assignments.size(), 100U);
}

TEST(Search, SobolIsEvenlySpread) {
  // Of 256 points each half, quarter and so on of an axis has its share, up to the shift's two cut cells.
  const SearchSpace space(
      parameters_of("parameter { name: 'x' path: 'p' float { min: 0 max: 1 } }"
                    "parameter { name: 'y' path: 'p' float { min: 0 max: 1 } }"));
  const auto largest_cell = [&](const char* text) {
    int cells[2][32] = {};
    for (int trial = 0; trial < 256; ++trial) {
      const auto assignments = suggest(search_of(text), space, {}, 9, trial).assignments;
      for (int d = 0; d < 2; ++d) ++cells[d][static_cast<int>(assignments[d].number() * 32)];
    }
    return *std::max_element(&cells[0][0], &cells[0][0] + 64);
  };
  EXPECT_LE(largest_cell("sobol {}"), 9);
  EXPECT_GT(largest_cell("random {}"), 12);
}

TEST(Search, GpSpreadsTrialsThatRunAtOnce) {
  const SearchSpace space = branin().space;
  const proto::Search search = search_of("gp {}");
  std::vector<Observation> observations = history_of(search, space, 1, 20);
  std::vector<std::vector<double>> points;
  for (int trial = 20; trial < 24; ++trial) {
    observations.push_back({trial, suggest(search, space, observations, 1, trial).assignments});
    points.push_back(space.unit_of(observations.back().assignments));
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_GT(std::abs(points[i][0] - points[j][0]) + std::abs(points[i][1] - points[j][1]), 0.01);
  }
}

}  // namespace
}  // namespace lockstep
