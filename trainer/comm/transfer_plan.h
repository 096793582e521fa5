// What a rank sends and receives so that one array is summed over hosts, as a list made once: recursive halving, along
// the odd rest, recursive doubling (Rabenseifner 2004, "Optimization of collective reduction operations", ICCS). The
// additions are those of rank_tree.h, whatever part of an array this is done for.
// Pure.
#pragma once

#include <cstddef>
#include <vector>

namespace lockstep {

struct Transfer {
  int host = 0;  // the partner
  // Elements of the array; an empty range is not sent or received.
  std::size_t send_begin = 0;
  std::size_t send_elements = 0;
  std::size_t receive_begin = 0;
  std::size_t receive_elements = 0;
  bool adds = false;  // what is received is added to what is there; otherwise it replaces it
};

struct TransferPlan {
  std::vector<Transfer> transfers;
  // Of these the first `partial` carry partial sums. After them [sum_begin, sum_begin + sum_elements) is summed.
  std::size_t partial = 0;
  std::size_t sum_begin = 0;
  std::size_t sum_elements = 0;
};

// Requires: the largest power of two that divides `hosts` also divides `elements`.
TransferPlan transfer_plan(int host, int hosts, std::size_t elements);

}  // namespace lockstep
