// Functions of AVX-512 in programs that run without it too: they are compiled for it one by one, and called only where
// the processor has it.
#pragma once

#include <immintrin.h>

#define LOCKSTEP_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define LOCKSTEP_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
// A part of such a function.
#define LOCKSTEP_AVX512_INLINE LOCKSTEP_AVX512 inline __attribute__((always_inline))
