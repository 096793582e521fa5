// How good the searchers are. Usage: search_quality [SEEDS [TRIALS [SEARCHER [FUNCTION]]]]; 30 seeds and 200 trials by
// default.
// Prints for each function and searcher the mean, the median and the worst of the best values found, and the seconds
// of a seed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/coordinator/search/test_functions.h"

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 30;
  const int trials = argc > 2 ? std::atoi(argv[2]) : 200;
  const std::string only = argc > 3 ? argv[3] : "";
  const std::string only_function = argc > 4 ? argv[4] : "";
  if (seeds < 1 || trials < 1) {
    std::fprintf(stderr, "usage: search_quality [SEEDS [TRIALS [random|sobol|tpe|gp [FUNCTION]]]]\n");
    return 2;
  }
  std::printf("%d seeds, %d trials\n%-10s %-8s %9s %9s %9s %9s\n", seeds, trials, "function", "searcher", "mean",
              "median", "worst", "s a seed");
  for (const lockstep::TestFunction& function :
       {lockstep::branin(), lockstep::hartmann6(), lockstep::training(), lockstep::exploding_training()}) {
    if (!only_function.empty() && only_function != function.name) continue;
    for (const std::string searcher : {"random", "sobol", "tpe", "gp"}) {
      if (!only.empty() && only != searcher) continue;
      const auto begin = std::chrono::steady_clock::now();
      std::vector<double> best;
      double mean = 0;
      for (int seed = 1; seed <= seeds; ++seed) {
        best.push_back(lockstep::best_of(lockstep::search_of(searcher + " {}"), function, seed, trials));
        mean += best.back() / seeds;
      }
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      std::sort(best.begin(), best.end());
      std::printf("%-10s %-8s %9.4f %9.4f %9.4f %9.2f\n", function.name, searcher.c_str(), mean, best[seeds / 2],
                  best.back(), seconds / seeds);
      std::fflush(stdout);
    }
  }
}
