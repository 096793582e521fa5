#include "trainer/loop/core_binding.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <span>

#include <fmt/format.h>
#include <sched.h>

#include "storage/base/status.h"

namespace lockstep {
namespace {

std::vector<int> cores_of(const cpu_set_t& set) {
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &set)) cores.push_back(core);
  }
  return cores;
}

cpu_set_t allowed_set() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CHECK(sched_getaffinity(0, sizeof(set), &set) == 0, "sched_getaffinity: {}", std::strerror(errno));
  return set;
}

std::string cores_text(const std::vector<int>& cores) {
  return fmt::format("core{} {}", cores.size() == 1 ? "" : "s", core_list(cores));
}

}  // namespace

std::vector<int> allowed_cores() {
  return cores_of(allowed_set());
}

std::string core_list(const std::vector<int>& cores) {
  std::string text;
  for (std::size_t first = 0; first < cores.size();) {
    std::size_t last = first;
    while (last + 1 < cores.size() && cores[last + 1] == cores[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", cores[first]);
    if (last > first) text += fmt::format("-{}", cores[last]);
    first = last + 1;
  }
  return text;
}

CoreBinding core_binding(Communicator& communicator, int threads_per_rank) {
  const cpu_set_t mine = allowed_set();
  std::vector<cpu_set_t> sets(static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(sets)));
  std::vector<std::vector<int>> cores;
  for (const cpu_set_t& set : sets) cores.push_back(cores_of(set));

  CoreBinding binding;
  const std::size_t local = static_cast<std::size_t>(communicator.local_size());
  for (std::size_t first = 0; first < cores.size(); first += local) {
    std::set<int> of_host;
    for (std::size_t rank = first; rank < first + local; ++rank) of_host.insert(cores[rank].begin(), cores[rank].end());
    if (local * static_cast<std::size_t>(threads_per_rank) > of_host.size()) binding.oversubscribed = true;
  }
  const bool same = std::all_of(cores.begin(), cores.end(), [&](const auto& it) { return it == cores.front(); });
  if (same) {
    const std::string ranks = cores.size() == 1 ? "rank 0" : fmt::format("ranks 0 to {}", cores.size() - 1);
    binding.text = fmt::format("{}: {}", ranks, cores_text(cores.front()));
    return binding;
  }
  for (std::size_t rank = 0; rank < cores.size(); ++rank) {
    binding.text += fmt::format("{}rank {}: {}", rank == 0 ? "" : ", ", rank, cores_text(cores[rank]));
  }
  return binding;
}

}  // namespace lockstep
