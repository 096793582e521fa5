// The learners find what a random search does not: the short form of search_quality.
#include <gtest/gtest.h>

#include "tests/coordinator/search/test_functions.h"

namespace lockstep {
namespace {

double mean_of_best(const char* search, const TestFunction& function, int trials, int seeds = 3) {
  double mean = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    mean += best_of(search_of(search), function, static_cast<std::uint64_t>(seed), trials) / seeds;
  }
  return mean;
}

TEST(SearchQuality, GpOnBranin) {
  EXPECT_LT(mean_of_best("gp {}", branin(), 40), 0.41);
  EXPECT_GT(mean_of_best("random {}", branin(), 40), 0.6);
}

TEST(SearchQuality, GpOnHartmann6) {
  EXPECT_LT(mean_of_best("gp {}", hartmann6(), 70), -3.0);
  EXPECT_GT(mean_of_best("random {}", hartmann6(), 70), -2.5);
}

TEST(SearchQuality, TpeOnBranin) {
  EXPECT_LT(mean_of_best("tpe {}", branin(), 200), 0.45);
  EXPECT_GT(mean_of_best("random {}", branin(), 200), 0.45);
}

TEST(SearchQuality, TpeOnHartmann6) {
  EXPECT_LT(mean_of_best("tpe {}", hartmann6(), 200), -3.0);
  EXPECT_GT(mean_of_best("random {}", hartmann6(), 200), -2.6);
}

TEST(SearchQuality, AnExplosionBlindsNoLearner) {
  for (const char* search : {"gp {}", "tpe {}"}) {
    const double without = mean_of_best(search, training(), 60, 6);
    const double with = mean_of_best(search, exploding_training(), 60, 6);
    EXPECT_LT(with, 1.1 * without) << search;
    EXPECT_LT(with, mean_of_best("random {}", exploding_training(), 60, 6)) << search;
  }
}

}  // namespace
}  // namespace lockstep
