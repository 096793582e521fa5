#include "trainer/nn/kernels/thread_team.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>

#include <fmt/format.h>
#include <omp.h>
#include <pthread.h>

#include "trainer/tensor/flush_to_zero.h"

namespace lockstep {
namespace {

constexpr std::size_t kLeastStackBytes = 512 << 10;

// "OMP_THREAD_LIMIT=1" of the first of them that is set; else the words for none.
std::string setting(std::initializer_list<const char*> names, const char* none) {
  for (const char* const name : names) {
    if (const char* const value = std::getenv(name); value != nullptr) return fmt::format("{}={}", name, value);
  }
  return none;
}

// Of this thread; the largest number when it is not known.
std::size_t stack_bytes() {
  std::size_t bytes = SIZE_MAX;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return bytes;
  pthread_attr_getstacksize(&attributes, &bytes);
  pthread_attr_destroy(&attributes);
  return bytes;
}

}  // namespace

std::string take_threads(int threads) {
  omp_set_dynamic(0);
  omp_set_max_active_levels(1);
  omp_set_num_threads(threads);
  if (threads == 1) return "";
  std::atomic<int> given = 0;
  std::atomic<std::size_t> least_stack = SIZE_MAX;
  const int self = omp_get_thread_num();
#pragma omp parallel num_threads(threads)
  {
    ++given;
    if (omp_get_thread_num() != self) {  // OpenMP keeps its other threads, and they keep the setting
      FlushToZero::set();
      const std::size_t mine = stack_bytes();
      for (std::size_t least = least_stack; mine < least && !least_stack.compare_exchange_weak(least, mine);) continue;
    }
  }
  if (given != threads) {
    return fmt::format("expected {} threads, got {}: {} allows no more; unset it, or ask for {}", threads, given.load(),
                       setting({"OMP_THREAD_LIMIT"}, "OpenMP"), given.load());
  }
  if (least_stack < kLeastStackBytes) {
    return fmt::format(
        "expected threads with stacks of at least {} KiB, got {} KiB: {} is too small; unset it or raise it",
        kLeastStackBytes >> 10, least_stack.load() >> 10,
        setting({"OMP_STACKSIZE", "GOMP_STACKSIZE"}, "the stack size (ulimit -s)"));
  }
  return "";
}

}  // namespace lockstep
