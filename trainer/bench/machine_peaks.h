// What this machine could do at most, measured now: the scale on which a step's speed is read.
//
// Arithmetic: independent multiply-adds in registers, on the widest vectors the processor has (AVX-512, else AVX2).
// Memory: a copy of arrays far larger than the caches, bytes read and written. Each is the best of several short runs,
// on `threads` OpenMP threads at once. Call on all ranks together, so that each sees the others' load.
#pragma once

namespace lockstep {

struct MachinePeaks {
  double fma_flops = 0;     // fp32, a second; a multiply-add is two
  double bf16_flops = 0;    // bf16 pairs summed in fp32 (AVX512_BF16); 0: the processor has no such instruction
  double memory_bytes = 0;  // a second
};

MachinePeaks measure_peaks(int threads);

}  // namespace lockstep
