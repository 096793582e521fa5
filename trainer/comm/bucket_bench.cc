#include "trainer/comm/bucket_bench.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <span>
#include <thread>

#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<std::size_t, 3> kElements = {std::size_t{1} << 13, std::size_t{1} << 16, std::size_t{1} << 18};
constexpr int kRounds = 2;  // and one that warms up

// Both ways, as in a sum, on all lanes at once.
double seconds_of_exchange(Communicator& communicator, int partner, std::span<float> memory, std::size_t elements) {
  const std::size_t lanes = Communicator::kLanes;
  const Clock::time_point begin = Clock::now();
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    communicator.begin_transfer(static_cast<int>(lane), partner, memory.subspan(lane * elements, elements),
                                memory.subspan((lanes + lane) * elements, elements));
  }
  for (int lane = 0; lane < Communicator::kLanes; ++lane) {
    while (!communicator.transfer_ended(lane)) std::this_thread::yield();
  }
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

std::size_t measure_message_elements(Communicator& communicator, int ranks_per_host) {
  const int host = communicator.rank() / ranks_per_host;
  const int partner = communicator.rank() + (host % 2 == 0 ? ranks_per_host : -ranks_per_host);
  std::size_t chosen = kElements.back();
  if (partner < communicator.size()) {
    AlignedArray memory(kElements.back() * 2 * Communicator::kLanes);
    std::array<double, kElements.size()> rates{};
    for (std::size_t i = 0; i < kElements.size(); ++i) {
      double shortest = std::numeric_limits<double>::max();
      for (int round = 0; round <= kRounds; ++round) {
        const double seconds = seconds_of_exchange(communicator, partner, memory.span(), kElements[i]);
        if (round > 0) shortest = std::min(shortest, seconds);
      }
      rates[i] = static_cast<double>(kElements[i]) / shortest;
    }
    const double best = *std::max_element(rates.begin(), rates.end());
    const auto good = std::find_if(rates.begin(), rates.end(), [best](double rate) { return rate >= 0.9 * best; });
    chosen = kElements[static_cast<std::size_t>(good - rates.begin())];
  }
  communicator.broadcast(std::as_writable_bytes(std::span(&chosen, 1)), 0);
  return chosen;
}

}  // namespace lockstep
