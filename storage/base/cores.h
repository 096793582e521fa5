// The cores this process may run on: as many as the machine has, also more than 1,024.
// Threads: any; the cores are those of the calling thread.
#pragma once

#include <cstddef>
#include <vector>

#include <sched.h>

namespace lockstep {

// As sched_getaffinity(2) and sched_setaffinity(2).
using GetAffinity = int (*)(pid_t pid, std::size_t bytes, cpu_set_t* set);
using SetAffinity = int (*)(pid_t pid, std::size_t bytes, const cpu_set_t* set);

// Ascending.
std::vector<int> allowed_cores(GetAffinity ask = sched_getaffinity);

// From now on only these. False when the kernel refuses; it drops cores that do not exist without a word.
bool allow_cores(const std::vector<int>& cores, SetAffinity set = sched_setaffinity);

}  // namespace lockstep
