#include "trainer/comm/transfer_plan.h"

#include <algorithm>

#include "storage/base/status.h"

namespace lockstep {

TransferPlan transfer_plan(int host, int hosts, std::size_t elements) {
  const int group = hosts & -hosts;  // the largest power of two that divides the number of hosts
  CHECK(elements % static_cast<std::size_t>(group) == 0, "{} elements on {} hosts", elements, hosts);
  TransferPlan plan;
  std::size_t begin = 0;  // of the part that this rank sums
  for (int distance = 1; distance < group; distance *= 2) {
    elements /= 2;
    const std::size_t lower = begin;
    const std::size_t upper = begin + elements;
    const bool keeps_upper = (host & distance) != 0;
    begin = keeps_upper ? upper : lower;
    plan.transfers.push_back({host ^ distance, keeps_upper ? lower : upper, elements, begin, elements, true});
  }
  // The odd rest: the sum grows from the first group to the last and comes back.
  const bool has_previous = host >= group;
  const bool has_next = host + group < hosts;
  if (has_previous) plan.transfers.push_back({host - group, 0, 0, begin, elements, true});
  if (has_next) plan.transfers.push_back({host + group, begin, elements, 0, 0, false});
  plan.partial = plan.transfers.size();
  if (has_next) plan.transfers.push_back({host + group, 0, 0, begin, elements, false});
  if (has_previous) plan.transfers.push_back({host - group, begin, elements, 0, 0, false});
  plan.sum_begin = begin;
  plan.sum_elements = elements;
  for (int distance = group / 2; distance >= 1; distance /= 2) {
    const std::size_t theirs = (host & distance) != 0 ? begin - elements : begin + elements;
    plan.transfers.push_back({host ^ distance, begin, elements, theirs, elements, false});
    begin = std::min(begin, theirs);
    elements *= 2;
  }
  return plan;
}

}  // namespace lockstep
