#include "trainer/bench/reduction_bench.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <span>

#include "trainer/comm/gradient_reducer.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kResNet18Bytes = std::size_t{11'173'962} * sizeof(float);
constexpr double kSecondsOfAWay = 0.5;
constexpr int kFewest = 5, kMost = 1000;

double timed(GradientReducer& reducer, Communicator& communicator) {
  reducer.begin_slice();
  reducer.slice_done();
  communicator.barrier();
  const Clock::time_point begin = Clock::now();
  reducer.reduce();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median_seconds(GradientReducer& reducer, Communicator& communicator) {
  timed(reducer, communicator);  // the first touch of its memory
  double once = timed(reducer, communicator);
  communicator.broadcast(std::as_writable_bytes(std::span(&once, 1)), 0);  // the same number of times on every rank
  const int repetitions = std::clamp(static_cast<int>(kSecondsOfAWay / std::max(once, 1e-7)), kFewest, kMost);
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) seconds.push_back(timed(reducer, communicator));
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

struct Way {
  const char* name;
  ReducerOptions options;
};

}  // namespace

std::vector<ReductionTiming> bench_reduction(Communicator& communicator, std::size_t most_bytes) {
  const int slices = communicator.size();
  std::vector<Way> ways = {
      {"halving and doubling", {.mode = ReductionMode::kTree, .shared_memory = false, .slices = slices}},
      {"the same in bf16",
       {.mode = ReductionMode::kTree, .shared_memory = false, .wire = Wire::kBf16, .slices = slices}},
      {"MPI_Allreduce", {.mode = ReductionMode::kMpiAllReduce, .slices = slices}}};
  if (communicator.local_size() > 1) {
    ways.insert(ways.begin(), {"shared memory", {.mode = ReductionMode::kTree, .slices = slices}});
  }
  std::vector<std::size_t> sizes;
  for (std::size_t bytes = 4; bytes <= most_bytes; bytes *= 16) sizes.push_back(bytes);
  if (kResNet18Bytes <= most_bytes) sizes.push_back(kResNet18Bytes);
  if (most_bytes > sizes.back()) sizes.push_back(most_bytes);
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  std::vector<ReductionTiming> timings;
  for (const std::size_t bytes : sizes) {
    for (const Way& way : ways) {
      const auto reducer = std::make_unique<GradientReducer>(communicator, bytes / sizeof(float), way.options);
      timings.push_back({way.name, bytes, median_seconds(*reducer, communicator)});
    }
  }
  return timings;
}

}  // namespace lockstep
