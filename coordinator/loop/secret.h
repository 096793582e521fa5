// Random secrets: of the coordinator, which every call carries, and of each attempt.
// Threads: any.
#pragma once

#include <cstddef>
#include <string>

namespace lockstep {

// So many random bytes of the operating system, two hexadecimal digits each.
std::string new_secret(std::size_t bytes);

}  // namespace lockstep
