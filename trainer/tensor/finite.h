// Whether numbers are numbers: a ReLU turns a NaN into zero, so a loss that is finite does not say that all else is.
// Threads: independent.
#pragma once

#include <span>

namespace lockstep {

// Whether no value is infinite or NaN. One pass at the speed of memory.
bool all_finite(std::span<const float> values);

}  // namespace lockstep
