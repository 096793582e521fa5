// The contracts on one rank and on threads.
#include <memory>

#include <gtest/gtest.h>

#include "tests/trainer/comm/communicator_contract.h"
#include "tests/trainer/comm/reducer_contract.h"
#include "trainer/comm/bucket.h"
#include "trainer/comm/overlap_choice.h"
#include "trainer/comm/slice_tree.h"
#include "trainer/comm/thread_communicator.h"

namespace lockstep {
namespace {

struct Placement {
  int ranks;
  int ranks_per_host;
};

// As the test's name shows it.
void PrintTo(const Placement& placement, std::ostream* out) {
  *out << placement.ranks << " ranks, " << placement.ranks_per_host << " a host";
}

class ThreadTest : public testing::TestWithParam<Placement> {};

TEST_P(ThreadTest, CommunicatorContract) {
  run_in_threads(GetParam().ranks, expect_communicator_contract, GetParam().ranks_per_host);
}

TEST_P(ThreadTest, TreeSums) {
  run_in_threads(GetParam().ranks, expect_tree_sums, GetParam().ranks_per_host);
}

TEST_P(ThreadTest, LibrarySum) {
  run_in_threads(
      GetParam().ranks, [](Communicator& c) { expect_library_sum(c, 1000, 2 * c.size()); }, GetParam().ranks_per_host);
}

TEST_P(ThreadTest, NoDenormalSum) {
  run_in_threads(GetParam().ranks, expect_no_denormal_sum, GetParam().ranks_per_host);
}

TEST_P(ThreadTest, Bf16WireSum) {
  run_in_threads(
      GetParam().ranks, [](Communicator& c) { expect_bf16_wire_sum(c, 1000, 2 * c.size()); },
      GetParam().ranks_per_host);
}

TEST_P(ThreadTest, Bf16WireRoundsGradientsAlone) {
  const auto body = [](Communicator& c) {
    expect_only_parted_elements_rounded(c, 1000, 700, 2 * c.size());
    expect_only_parted_elements_rounded(c, 1000, 1000, c.size());
    expect_only_parted_elements_rounded(c, 40, 3, c.size());
    expect_only_parted_elements_rounded(c, 2000, 1999, c.size());
  };
  run_in_threads(GetParam().ranks, body, GetParam().ranks_per_host);
}

INSTANTIATE_TEST_SUITE_P(Placements, ThreadTest,
                         testing::Values(Placement{1, 1}, Placement{2, 2}, Placement{2, 1}, Placement{3, 3},
                                         Placement{3, 1}, Placement{4, 4}, Placement{4, 2}, Placement{4, 1},
                                         Placement{6, 6}, Placement{6, 2}, Placement{6, 1}, Placement{8, 8},
                                         Placement{8, 4}, Placement{8, 2}, Placement{12, 12}, Placement{12, 4},
                                         Placement{12, 1}, Placement{16, 4}));

TEST(SoloTest, CommunicatorContract) {
  expect_communicator_contract(*make_solo_communicator());
}

TEST(SoloTest, TreeSums) {
  expect_tree_sums(*make_solo_communicator());
}

TEST(SoloTest, LibrarySum) {
  expect_library_sum(*make_solo_communicator(), 1000, 4);
}

// The reason for the tree: what is expected of every power-of-two number of ranks above is one and the same sum.
TEST(ReferenceSumTest, PowersOfTwoAgree) {
  for (const int slices : {1, 2, 4, 6, 8, 12, 16}) {
    const auto expected = bits_of(reference_sum(0, slices, 1, 1000));
    for (int ranks = 1; slices % ranks == 0; ranks *= 2) {
      EXPECT_EQ(bits_of(reference_sum(0, slices, ranks, 1000)), expected) << slices << " slices, " << ranks << " ranks";
    }
  }
}

// Negative control: the data tell one order from another.
TEST(ReferenceSumTest, OtherOrdersDiffer) {
  EXPECT_NE(bits_of(left_to_right_sum(0, 4, 1000)), bits_of(reference_sum(0, 4, 1, 1000)));
  EXPECT_NE(bits_of(left_to_right_sum(0, 8, 1000)), bits_of(reference_sum(0, 8, 1, 1000)));
  EXPECT_NE(bits_of(reference_sum(0, 12, 3, 1000)), bits_of(reference_sum(0, 12, 1, 1000)));
  EXPECT_EQ(bits_of(left_to_right_sum(0, 3, 1000)), bits_of(reference_sum(0, 3, 1, 1000)));
}

TEST(BucketTest, CutFromTheBackAndTheUnpartedLast) {
  const std::vector<Bucket> buckets = make_buckets(320, 250, 100, 2);
  std::vector<std::pair<std::size_t, std::size_t>> got;
  for (const auto& [begin, elements] : buckets) got.emplace_back(begin, elements);
  EXPECT_EQ(got, (std::vector<std::pair<std::size_t, std::size_t>>{{128, 96}, {32, 96}, {0, 32}, {224, 96}}));
}

TEST(BucketTest, CoverEverythingOnceInWholeLinesOfEveryRank) {
  for (const auto& [ranks, unit] : {std::pair{1, 16}, {2, 16}, {3, 16}, {8, 16}, {1, 4096}, {3, 64}, {8, 4096}}) {
    const std::size_t elements = padded_elements(5000, ranks, std::size_t(unit));
    for (const std::size_t parted : {std::size_t{0}, std::size_t{17}, std::size_t{4000}, elements}) {
      for (const std::size_t bucket : {1, 500, 4999, 100'000}) {
        std::vector<int> covered(elements);
        for (const Bucket& it : make_buckets(elements, parted, bucket, ranks, std::size_t(unit))) {
          EXPECT_EQ(it.begin % (std::size_t(unit) * std::size_t(ranks)), it.begin % std::size_t(unit));
          EXPECT_EQ(it.elements % std::size_t(unit * ranks), 0U);
          for (std::size_t i = 0; i < it.elements; ++i) ++covered[it.begin + i];
        }
        EXPECT_EQ(covered, std::vector<int>(elements, 1));
      }
    }
  }
}

TEST(OverlapChoiceTest, KeepsTheWayWithTheShorterMedian) {
  for (const bool overlap_is_faster : {false, true}) {
    OverlapChoice choice;
    for (int step = 0; step < OverlapChoice::kSteps; ++step) {
      EXPECT_FALSE(choice.decided());
      const double outlier = step == 3 || step == 4 ? 50 : 0;
      EXPECT_EQ(choice.note(outlier + (choice.on() == overlap_is_faster ? 1 : 2)), step + 1 == OverlapChoice::kSteps);
    }
    const auto [without, with] = choice.medians();
    EXPECT_EQ(without, overlap_is_faster ? 2 : 1);
    EXPECT_EQ(with, overlap_is_faster ? 1 : 2);
    choice.decide({without, with});
    EXPECT_EQ(choice.on(), overlap_is_faster);
    EXPECT_TRUE(choice.decided());
    EXPECT_NE(choice.text().find(overlap_is_faster ? "during" : "after"), std::string::npos) << choice.text();
    EXPECT_FALSE(choice.note(1));
  }
}

std::vector<int> additions(int slices) {
  const SliceTree tree(slices);
  std::vector<int> result;
  for (int slice = 0; slice < slices; ++slice) result.push_back(tree.additions_after(slice));
  return result;
}

TEST(SliceTreeTest, Additions) {
  EXPECT_EQ(additions(1), (std::vector<int>{0}));
  EXPECT_EQ(additions(2), (std::vector<int>{0, 1}));
  EXPECT_EQ(additions(8), (std::vector<int>{0, 1, 0, 2, 0, 1, 0, 3}));
  EXPECT_EQ(additions(3), (std::vector<int>{0, 1, 1}));
  EXPECT_EQ(additions(12), (std::vector<int>{0, 1, 1, 0, 1, 2, 0, 1, 1, 0, 1, 3}));
}

TEST(SliceTreeTest, Depth) {
  EXPECT_EQ(SliceTree(1).depth(), 1);
  EXPECT_EQ(SliceTree(2).depth(), 1);
  EXPECT_EQ(SliceTree(7).depth(), 1);
  EXPECT_EQ(SliceTree(8).depth(), 3);
  EXPECT_EQ(SliceTree(12).depth(), 3);
}

TEST(GradientReducerTest, Description) {
  const auto expect_description = [](int ranks, int ranks_per_host, ReducerOptions options, const char* expected) {
    run_in_threads(
        ranks,
        [&](Communicator& communicator) {
          EXPECT_EQ(std::make_unique<GradientReducer>(communicator, 10, options)->description(), expected);
        },
        ranks_per_host);
  };
  expect_description(1, 1, {.mode = ReductionMode::kTree, .shared_memory = true, .slices = 4}, "one rank");
  expect_description(2, 2, {.mode = ReductionMode::kTree, .shared_memory = true, .slices = 4},
                     "shared memory over 2 ranks with one copy of the parameters (replica checks compare buffers)");
  expect_description(4, 4, {.mode = ReductionMode::kTree, .shared_memory = false, .slices = 4, .bucket_bytes = 1 << 20},
                     "halving and doubling over 4 ranks, 1 bucket of 0.0 MB");
  expect_description(4, 2, {.mode = ReductionMode::kTree, .shared_memory = true, .slices = 4, .bucket_bytes = 1 << 20},
                     "shared memory over 2 ranks a host, halving and doubling over 2 hosts, 1 bucket of 0.0 MB");
  expect_description(3, 3, {.mode = ReductionMode::kTree, .shared_memory = true, .slices = 3},
                     "shared memory over 3 ranks with one copy of the parameters (replica checks compare buffers), "
                     "not a power of two: other bits than with 1, 2, 4 ranks");
  expect_description(2, 2, {.mode = ReductionMode::kMpiAllReduce, .shared_memory = true, .slices = 4},
                     "MPI_Allreduce over 2 ranks");
}

}  // namespace
}  // namespace lockstep
