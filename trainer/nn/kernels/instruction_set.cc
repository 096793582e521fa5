#include "trainer/nn/kernels/instruction_set.h"

#include <dnnl.h>
#include <fmt/format.h>

#include "storage/base/status.h"

namespace lockstep {

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

namespace {

// The first question about instructions settles oneDNN's hints. Not as ONEDNN_CPU_ISA_HINTS says: the bits would be
// others, and nothing would tell.
dnnl_cpu_isa_t effective_isa() {
  static const bool ignored = dnnl_set_cpu_isa_hints(dnnl_cpu_isa_no_hints) == dnnl_success;
  CHECK(ignored, "oneDNN was asked before");
  return dnnl_get_effective_cpu_isa();
}

}  // namespace

std::string onednn_instruction_set() {
  switch (effective_isa()) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    default:
      return fmt::format("isa {:#x}", static_cast<unsigned>(effective_isa()));
  }
}

namespace {

// Whether this processor has the instructions, and ONEDNN_MAX_CPU_ISA does not forbid them.
bool has(dnnl_cpu_isa_t isa) {
  return (unsigned(effective_isa()) & unsigned(isa)) == unsigned(isa);
}

}  // namespace

bool has_bf16() {
  return has(dnnl_cpu_isa_avx512_core_bf16);
}

bool has_avx512() {
  return has(dnnl_cpu_isa_avx512_core);
}

}  // namespace lockstep
