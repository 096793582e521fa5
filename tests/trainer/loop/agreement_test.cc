#include "trainer/loop/agreement.h"

#include <gtest/gtest.h>

#include "trainer/comm/thread_communicator.h"

namespace lockstep {
namespace {

TEST(Agreement, AllFineIsFine) {
  run_in_threads(4, [](Communicator& communicator) { EXPECT_TRUE(agree(communicator, OkStatus()).ok()); });
}

TEST(Agreement, TheFirstRankThatFailedSpeaksForAll) {
  run_in_threads(4, [](Communicator& communicator) {
    const int rank = communicator.rank();
    const Status mine = rank >= 2 ? bad_data(fmt::format("no rows on {}", rank)) : OkStatus();
    const Status agreed = agree(communicator, mine);
    EXPECT_TRUE(absl::IsDataLoss(agreed));
    EXPECT_EQ(std::string(agreed.message()), "rank 2: no rows on 2");
  });
}

TEST(Agreement, AFaultThatAllRanksSeeIsToldOnceWithoutARank) {
  run_in_threads(2, [](Communicator& communicator) {
    const Status agreed = agree(communicator, bad_configuration(std::string(100000, 'x')));
    EXPECT_TRUE(absl::IsInvalidArgument(agreed));
    EXPECT_EQ(agreed.message()[0], 'x');
  });
}

TEST(Agreement, ATextOfRank0ComesToAll) {
  run_in_threads(4, [](Communicator& communicator) {
    std::string text = communicator.rank() == 0 ? std::string(70000, 'a') : "other";
    share_text(communicator, text);
    EXPECT_EQ(text, std::string(70000, 'a'));
  });
}

}  // namespace
}  // namespace lockstep
