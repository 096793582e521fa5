// The searchers, one file each, as suggest() calls them; the contract is that of suggest().
#pragma once

#include "coordinator/search/history.h"
#include "coordinator/search/search.h"

namespace lockstep {

// Uniform and independent (Bergstra and Bengio 2012, JMLR 13). When all draws were tried before, the combinations of a
// small space are gone through for one that was not.
Suggestion suggest_random(const Inquiry& question);

// Point number `trial` of all combinations, the last parameter fastest.
Suggestion suggest_grid(const proto::GridSearch& grid, const Inquiry& question);
// How many there are, at most INT_MAX. Parameters that are not active do not multiply.
int grid_points(const proto::GridSearch& grid, const SearchSpace& space);

// Point number `trial` of a Sobol sequence (direction numbers of Joe and Kuo 2008, SIAM J. Sci. Comput. 30), shifted
// modulo 1 by a random vector of the seed (Cranley and Patterson 1976).
Suggestion suggest_sobol(const Inquiry& question);
// `count` points of that sequence from number `first` on. Requires: 1 <= dimensions <= 100.
std::vector<Point> sobol_points(int dimensions, int first, int count, const Point& shift);

// Tree-structured Parzen estimator (Bergstra et al. 2011, NIPS 24), multivariate (Falkner et al. 2018,
// arXiv:1807.01774): candidates are drawn from a density of the good trials, and the one with the largest ratio to
// the density of the others is taken. The first trials are Sobol points.
Suggestion suggest_tpe(const proto::TpeSearch& tpe, const Inquiry& question);

// Largest expected improvement (Jones et al. 1998, J. Global Optimization 13) under a Gaussian process. A trial that
// runs counts with the mean value (constant liar: Ginsbourger et al. 2010), one that failed as worse than all; values
// are warped (warp.h). The first trials are Sobol points.
Suggestion suggest_gp(const proto::GpSearch& gp, const Inquiry& question);

}  // namespace lockstep
