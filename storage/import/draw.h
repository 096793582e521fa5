// Which rows go to which split, and in which order: drawn by key, each row by its own name, so that a row more or less
// leaves the others nearly as they were. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

struct Named {
  std::string name;     // of this row alone
  std::string stratum;  // its class; shares are kept in each
  std::string group;    // rows of one group are never parted; empty: it is alone
};

struct SplitShares {
  double validation = 0;  // from 0, together below 1
  double test = 0;
};

// For each row 0: training, 1: validation, 2: test. In each stratum the nearest number of rows to its share, though
// never all of them. With groups the shares are those of all rows, as nearly as whole groups can make them, and strata
// are not looked at.
std::vector<int> draw_splits(const std::vector<Named>& rows, SplitShares shares, std::uint64_t key);

// The numbers of all rows, in the drawn order.
std::vector<std::int64_t> draw_order(const std::vector<Named>& rows, std::uint64_t key);

}  // namespace lockstep
