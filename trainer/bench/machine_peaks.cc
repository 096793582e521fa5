#include "trainer/bench/machine_peaks.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include <immintrin.h>
#include <omp.h>

#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

// More than latency times throughput of any processor's multiply-add units.
constexpr int kChains = 12;
constexpr int kLoops = 20'000'000;  // some ten milliseconds: longer than a burst of the clock
constexpr int kRuns = 5;
constexpr std::size_t kCopyFloats = std::size_t{16} << 20;  // 64 MB

#define LOCKSTEP_CHAINS(STEP) \
  STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11)

// Each returns the floating-point operations that it did; `sink` keeps the compiler from leaving them out.
__attribute__((target("avx2,fma"))) double multiply_add_avx2(float* sink) {
  const __m256 factor = _mm256_set1_ps(0.5F);
  __m256 sums[kChains];
  for (__m256& sum : sums) sum = factor;
  for (int i = 0; i < kLoops; ++i) {
#define LOCKSTEP_STEP(j) sums[j] = _mm256_fmadd_ps(sums[j], factor, factor);
    LOCKSTEP_CHAINS(LOCKSTEP_STEP)
#undef LOCKSTEP_STEP
  }
  for (const __m256& sum : sums) *sink += _mm256_cvtss_f32(sum);
  return 2.0 * 8 * kChains * kLoops;
}

__attribute__((target("avx512f"))) double multiply_add_avx512(float* sink) {
  const __m512 factor = _mm512_set1_ps(0.5F);
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = factor;
  for (int i = 0; i < kLoops; ++i) {
#define LOCKSTEP_STEP(j) sums[j] = _mm512_fmadd_ps(sums[j], factor, factor);
    LOCKSTEP_CHAINS(LOCKSTEP_STEP)
#undef LOCKSTEP_STEP
  }
  for (const __m512& sum : sums) *sink += _mm512_cvtss_f32(sum);
  return 2.0 * 16 * kChains * kLoops;
}

__attribute__((target("avx512f,avx512bf16"))) double dot_products_bf16(float* sink) {
  const __m512i bits = _mm512_set1_epi16(0x3c00);
  const __m512bh pairs = reinterpret_cast<const __m512bh&>(bits);
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_set1_ps(0.F);
  for (int i = 0; i < kLoops; ++i) {
#define LOCKSTEP_STEP(j) sums[j] = _mm512_dpbf16_ps(sums[j], pairs, pairs);
    LOCKSTEP_CHAINS(LOCKSTEP_STEP)
#undef LOCKSTEP_STEP
  }
  for (const __m512& sum : sums) *sink += _mm512_cvtss_f32(sum);
  return 2.0 * 32 * kChains * kLoops;
}

#undef LOCKSTEP_CHAINS

// The most of what `work` returns that all threads together reach in a second.
template <typename Work>
double best_rate(int threads, const Work& work) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const Clock::time_point begin = Clock::now();
    double done = 0;
#pragma omp parallel num_threads(threads) reduction(+ : done)
    done += work(omp_get_thread_num());
    best = std::max(best, done / std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

double arithmetic_rate(int threads, double (*kernel)(float*)) {
  return best_rate(threads, [kernel](int) {
    volatile float kept = 0;
    float sink = 0;
    const double done = kernel(&sink);
    kept = sink;
    static_cast<void>(kept);
    return done;
  });
}

double copy_rate(int threads) {
  AlignedArray from(kCopyFloats * std::size_t(threads));
  AlignedArray to(kCopyFloats * std::size_t(threads));
  return best_rate(threads, [&](int thread) {
    const std::size_t offset = kCopyFloats * std::size_t(thread);
    std::copy_n(from.data() + offset, kCopyFloats, to.data() + offset);
    return 2.0 * sizeof(float) * double(kCopyFloats);
  });
}

}  // namespace

MachinePeaks measure_peaks(int threads) {
  const bool wide = __builtin_cpu_supports("avx512f") != 0;
  MachinePeaks peaks;
  peaks.fma_flops = arithmetic_rate(threads, wide ? multiply_add_avx512 : multiply_add_avx2);
  if (__builtin_cpu_supports("avx512bf16") != 0) peaks.bf16_flops = arithmetic_rate(threads, dot_products_bf16);
  peaks.memory_bytes = copy_rate(threads);
  return peaks;
}

}  // namespace lockstep
