#include "trainer/loop/core_binding.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "storage/base/cores.h"
#include "storage/base/exit_code.h"
#include "trainer/comm/thread_communicator.h"

namespace lockstep {
namespace {

TEST(CoreBinding, ListsCoresAsRanges) {
  EXPECT_EQ(core_list({}), "");
  EXPECT_EQ(core_list({4}), "4");
  EXPECT_EQ(core_list({0, 1}), "0-1");
  EXPECT_EQ(core_list({0, 2, 3, 4, 9}), "0,2-4,9");
}

TEST(CoreBinding, SeesMoreThreadsThanCores) {
  const std::vector<int> cores = allowed_cores();
  ASSERT_FALSE(cores.empty());
  EXPECT_TRUE(std::ranges::is_sorted(cores));
  const int each = static_cast<int>(cores.size());
  run_in_threads(2, [&](Communicator& communicator) {
    const CoreBinding binding = core_binding(communicator, each);
    EXPECT_TRUE(binding.oversubscribed());
    EXPECT_EQ(binding.text.rfind("ranks 0 to 1: core", 0), 0U) << binding.text;
    EXPECT_NE(binding.text.find(core_list(cores)), std::string::npos) << binding.text;
  });
  EXPECT_FALSE(core_binding(*make_solo_communicator(), each).oversubscribed());
}

TEST(CoreBinding, RefusesManyMoreThreadsThanCores) {
  const int most = static_cast<int>(kMostThreadsPerCore * allowed_cores().size());
  run_in_threads(2, [&](Communicator& communicator) {
    EXPECT_TRUE(check_threads(communicator, most / 2).ok());
    const Status status = check_threads(communicator, most / 2 + 1);
    EXPECT_EQ(exit_code(status), kExitMachineCannot) << status;
    EXPECT_NE(status.message().find(fmt::format("got {} threads", most + 2)), std::string::npos) << status;
  });
}

}  // namespace
}  // namespace lockstep
