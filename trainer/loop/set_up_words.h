// What a run says of what it was set up with: in its first lines, and as warnings.
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "trainer/loop/core_binding.h"
#include "trainer/loop/setup.h"

namespace lockstep {

// Rows, network, batch, ranks, threads, and by which rows the job chooses where that is no split of its own. `called`:
// the job; `reduction`: how its ranks sum.
std::vector<std::string> set_up_words(const Setup& setup, const std::string& called, const std::string& reduction,
                                      const CoreBinding& binding);

// Warns of what makes the training slower, or other than one would think. `at_random`: it begins with weights that were
// drawn.
void warn_about_set_up(const Setup& setup, int ranks, const CoreBinding& binding, bool at_random);

}  // namespace lockstep
