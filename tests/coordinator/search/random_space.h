// Search spaces drawn at random, with conditions, and an independent check of what is suggested in them.
#pragma once

#include <span>
#include <string>

#include "coordinator/search/space.h"

namespace lockstep {

// Of one to eight parameters of all kinds.
Parameters random_parameters(std::uint64_t seed);

// What is wrong with assignments: one missing, one too many, out of order or out of range; "" when all is right.
std::string fault_in(const Parameters& parameters, std::span<const proto::Assignment> assignments);

// A text that is equal for equal assignments, bit for bit.
std::string text_of(std::span<const proto::Assignment> assignments);

}  // namespace lockstep
