#include "trainer/loop/core_binding.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <set>
#include <span>

#include <fmt/format.h>

#include "storage/base/cores.h"
#include "storage/base/exit_code.h"

namespace lockstep {
namespace {

// Those of every rank.
std::vector<std::vector<int>> cores_of_ranks(Communicator& communicator) {
  std::vector<int> mine = allowed_cores();
  const std::int64_t count = std::ssize(mine);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(&count, 1)), std::as_writable_bytes(std::span(counts)));
  mine.resize(static_cast<std::size_t>(*std::max_element(counts.begin(), counts.end())));
  std::vector<int> all(mine.size() * counts.size());
  communicator.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));
  std::vector<std::vector<int>> cores;
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(rank * mine.size());
    cores.emplace_back(first, first + counts[rank]);
  }
  return cores;
}

std::string cores_text(const std::vector<int>& cores) {
  return fmt::format("core{} {}", cores.size() == 1 ? "" : "s", core_list(cores));
}

}  // namespace

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
  const std::vector<std::vector<int>> cores = cores_of_ranks(communicator);
  CoreBinding binding;
  const std::size_t local = static_cast<std::size_t>(communicator.local_size());
  for (std::size_t first = 0; first < cores.size(); first += local) {
    std::set<int> of_host;
    for (std::size_t rank = first; rank < first + local; ++rank) of_host.insert(cores[rank].begin(), cores[rank].end());
    const std::size_t threads = local * static_cast<std::size_t>(threads_per_rank);
    if (threads * binding.cores <= binding.threads * of_host.size()) continue;
    binding.threads = threads;
    binding.cores = of_host.size();
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

Status check_threads(Communicator& communicator, int threads_per_rank) {
  const CoreBinding binding = core_binding(communicator, threads_per_rank);
  if (binding.threads <= kMostThreadsPerCore * binding.cores) return OkStatus();
  return machine_cannot(fmt::format(
      "execution.threads_per_rank: expected at most {} threads a core, got {} threads (of all ranks of a host) on {} "
      "core{}; ask for fewer, start fewer ranks on a host, or take a larger machine",
      kMostThreadsPerCore, binding.threads, binding.cores, binding.cores == 1 ? "" : "s"));
}

}  // namespace lockstep
