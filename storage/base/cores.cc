#include "storage/base/cores.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "storage/base/status.h"

namespace lockstep {
namespace {

constexpr int kWordBits = 8 * sizeof(unsigned long);
constexpr std::size_t kMostWords = 1 << 14;  // a million cores

cpu_set_t* as_set(std::vector<unsigned long>& words) {
  return reinterpret_cast<cpu_set_t*>(words.data());
}

}  // namespace

std::vector<int> allowed_cores(GetAffinity ask) {
  // The kernel wants room for every core that it could have.
  std::vector<unsigned long> words(16);
  while (ask(0, words.size() * sizeof(unsigned long), as_set(words)) != 0) {
    CHECK(errno == EINVAL && words.size() < kMostWords, "sched_getaffinity: {}", std::strerror(errno));
    words.assign(2 * words.size(), 0);
  }
  std::vector<int> cores;
  for (int core = 0; core < static_cast<int>(words.size()) * kWordBits; ++core) {
    if ((words[static_cast<std::size_t>(core / kWordBits)] >> (core % kWordBits) & 1) != 0) cores.push_back(core);
  }
  return cores;
}

bool allow_cores(const std::vector<int>& cores, SetAffinity set) {
  if (cores.empty() || *std::min_element(cores.begin(), cores.end()) < 0) return false;
  const int last = *std::max_element(cores.begin(), cores.end());
  if (last >= static_cast<int>(kMostWords) * kWordBits) return false;
  std::vector<unsigned long> words(static_cast<std::size_t>(last / kWordBits + 1));
  for (const int core : cores) words[static_cast<std::size_t>(core / kWordBits)] |= 1UL << (core % kWordBits);
  return set(0, words.size() * sizeof(unsigned long), as_set(words)) == 0;
}

}  // namespace lockstep
