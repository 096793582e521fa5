#include "trainer/comm/replica_check.h"

#include <array>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "trainer/comm/thread_communicator.h"

namespace lockstep {
namespace {

// The status of every rank, when the given ranks have one bit of "parameters" turned.
std::vector<Status> check_with_odd_ranks(int ranks, const std::vector<int>& odd_ranks) {
  std::vector<Status> statuses(static_cast<std::size_t>(ranks));
  run_in_threads(ranks, [&](Communicator& communicator) {
    std::vector<float> parameters(1000, 0.5F);
    std::vector<float> momentum(1000, 0.25F);
    for (const int odd : odd_ranks) {
      if (odd == communicator.rank()) std::as_writable_bytes(std::span(parameters))[2001] ^= std::byte{1};
    }
    const std::array<NamedBytes, 3> arrays{{{"parameters", std::as_bytes(std::span(parameters))},
                                            {"momentum", std::as_bytes(std::span(momentum))},
                                            {"nothing", {}}}};
    statuses[static_cast<std::size_t>(communicator.rank())] = check_replicas(communicator, arrays);
  });
  return statuses;
}

// Which ranks the message names.
std::string ranks_named(const Status& status) {
  const std::string message(status.message());
  std::string ranks;
  for (std::size_t at = message.find("rank "); at != std::string::npos; at = message.find("rank ", at + 1)) {
    if (std::isdigit(static_cast<unsigned char>(message[at + 5])) != 0) ranks += message[at + 5];
  }
  return ranks;
}

TEST(ReplicaCheckTest, EqualRanksPass) {
  for (const int ranks : {1, 2, 4}) {
    for (const Status& status : check_with_odd_ranks(ranks, {})) EXPECT_TRUE(status.ok()) << status.ToString();
  }
}

TEST(ReplicaCheckTest, NamesTheOddRankAndArray) {
  const std::vector<Status> statuses = check_with_odd_ranks(4, {2});
  for (const Status& status : statuses) {
    EXPECT_EQ(status, statuses[0]);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_EQ(ranks_named(status), "2") << status.ToString();
    const std::string message(status.message());
    EXPECT_NE(message.find("parameters: rank 2 has "), std::string::npos) << message;
    EXPECT_EQ(message.find("momentum"), std::string::npos) << message;
  }
}

TEST(ReplicaCheckTest, RankZeroMayBeTheOddOne) {
  EXPECT_EQ(ranks_named(check_with_odd_ranks(3, {0})[1]), "0");
  EXPECT_EQ(ranks_named(check_with_odd_ranks(5, {0, 3})[1]), "03");
}

// Two hosts of two ranks: ranks 0 and 2 hold one half of the moments, 1 and 3 the other. What a rank has of the other
// half is of no account.
TEST(ReplicaCheckTest, AFlippedBitInTheMomentsIsFoundBetweenHosts) {
  for (const int odd : {-1, 0, 3}) {
    for (const bool in_its_part : {true, false}) {
      std::vector<Status> statuses(4);
      run_in_threads(4, [&](Communicator& communicator) {
        const auto rank = static_cast<std::size_t>(communicator.rank());
        std::vector<float> moments(1000, 0.25F);
        const std::size_t half = rank % 2;
        const std::array<PartedUpdate::Range, 2> parts{
            {{500 * half, 500 * half + 200}, {500 * half + 200, 500 * half + 500}}};
        const std::size_t place = 500 * (in_its_part ? half : 1 - half) + 300;
        if (odd == communicator.rank()) std::as_writable_bytes(std::span(moments))[4 * place] ^= std::byte{1};
        statuses[rank] = check_parts(communicator, "momentum", moments, parts);
      });
      for (const Status& status : statuses) {
        EXPECT_EQ(status, statuses[0]);
        EXPECT_EQ(status.ok(), odd < 0 || !in_its_part) << status;
      }
      if (statuses[0].ok()) continue;
      EXPECT_EQ(ranks_named(statuses[0]), odd == 0 ? "2" : "3") << "of two, the first counts";
      EXPECT_NE(std::string(statuses[0].message()).find("momentum"), std::string::npos);
    }
  }
}

TEST(ReplicaCheckTest, WithoutSharedMemoryAllHoldAll) {
  std::vector<Status> statuses(3);
  run_in_threads(3, [&](Communicator& communicator) {
    std::vector<float> moments(1000, 0.25F);
    if (communicator.rank() == 1) std::as_writable_bytes(std::span(moments))[77] ^= std::byte{64};
    const std::array<PartedUpdate::Range, 1> all{{{0, 1000}}};
    statuses[static_cast<std::size_t>(communicator.rank())] = check_parts(communicator, "momentum", moments, all);
  });
  EXPECT_EQ(ranks_named(statuses[2]), "1");
}

TEST(ReplicaCheckTest, AmongTwoRankZeroCounts) {
  EXPECT_EQ(ranks_named(check_with_odd_ranks(2, {0})[0]), "1");
}

}  // namespace
}  // namespace lockstep
