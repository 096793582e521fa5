// Text and JSON of what `lockstep bench` measured.
#pragma once

#include <string>

#include "trainer/bench/step_bench.h"

namespace lockstep {

void print_step_text(const std::string& model, const StepBenchOptions& options, const StepBenchResult& result);
void print_step_json(const std::string& model, const StepBenchOptions& options, const StepBenchResult& result);

}  // namespace lockstep
