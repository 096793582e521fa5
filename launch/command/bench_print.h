// Text and JSON of what `lockstep bench` measured.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "trainer/bench/loader_bench.h"
#include "trainer/bench/reduction_bench.h"
#include "trainer/bench/step_bench.h"

namespace lockstep {

void print_step_text(const std::string& model, const StepBenchOptions& options, const StepBenchResult& result);
void print_step_json(const std::string& model, const StepBenchOptions& options, const StepBenchResult& result);

void print_reductions(int ranks, const std::vector<ReductionTiming>& timings, bool json);
void print_loader(int ranks, const LoaderTiming& timing, bool json);

}  // namespace lockstep
