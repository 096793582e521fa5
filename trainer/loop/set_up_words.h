// What a run says of what it was set up with: in its first lines, and as warnings.
// Threads: any.
#pragma once

#include <string>

#include "trainer/loop/core_binding.h"
#include "trainer/loop/setup.h"

namespace lockstep {

// "1,234 parameters"; "1,234 parameters and 5,678 frozen".
std::string parameter_text(const Network& network);

// Warns of what makes the training slower, or other than one would think. `at_random`: it begins with weights that were
// drawn.
void warn_about_set_up(const Setup& setup, int ranks, const CoreBinding& binding, bool at_random);

}  // namespace lockstep
