#include "storage/base/cores.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

constexpr std::size_t kKernelBytes = 1024;  // of a kernel for 8,192 cores
constexpr int kCore = 5000;
constexpr int kBits = 8 * sizeof(unsigned long);

// A machine whose only core for us has a number beyond cpu_set_t.
int large_machine(pid_t, std::size_t bytes, cpu_set_t* set) {
  if (bytes < kKernelBytes) {
    errno = EINVAL;
    return -1;
  }
  reinterpret_cast<unsigned long*>(set)[kCore / kBits] |= 1UL << (kCore % kBits);
  return 0;
}

std::vector<unsigned long> last_set;

int keep(pid_t, std::size_t bytes, const cpu_set_t* set) {
  last_set.resize(bytes / sizeof(unsigned long));
  std::memcpy(last_set.data(), set, bytes);
  return 0;
}

TEST(Cores, OfThisMachine) {
  const std::vector<int> cores = allowed_cores();
  ASSERT_FALSE(cores.empty());
  EXPECT_TRUE(std::ranges::is_sorted(cores));
  EXPECT_TRUE(allow_cores({cores.back()}));
  EXPECT_EQ(allowed_cores(), std::vector<int>{cores.back()});
  EXPECT_TRUE(allow_cores(cores));
  EXPECT_EQ(allowed_cores(), cores);
}

TEST(Cores, OfAMachineWithMoreThanFitACpuSet) {
  EXPECT_EQ(allowed_cores(large_machine), std::vector<int>{kCore});
  ASSERT_TRUE(allow_cores({3, kCore}, keep));
  EXPECT_EQ(last_set.size(), std::size_t(kCore / kBits + 1));
  EXPECT_EQ(last_set[0], 1UL << 3);
  EXPECT_EQ(last_set[kCore / kBits], 1UL << (kCore % kBits));
}

TEST(Cores, RefusesWhatIsNoCore) {
  EXPECT_FALSE(allow_cores({}));
  EXPECT_FALSE(allow_cores({-1}));
  EXPECT_FALSE(allow_cores({1 << 30}));
}

}  // namespace
}  // namespace lockstep
