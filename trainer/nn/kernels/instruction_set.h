// What this processor can do as far as kernels may use it: the environment (ONEDNN_MAX_CPU_ISA) may forbid some of it.
// Threads: any.
#pragma once

#include <string>

namespace lockstep {

// "2.6.3", and the instruction set that oneDNN's kernels are chosen for, as "avx512_core_bf16": both decide the bits.
std::string onednn_version();
std::string onednn_instruction_set();

bool has_avx512();
// Whether there are instructions for bf16.
bool has_bf16();

}  // namespace lockstep
