// The contracts on the ranks that mpirun started.
#include <gtest/gtest.h>

#include "tests/mpi/mpi_main.h"
#include "tests/trainer/comm/communicator_contract.h"
#include "tests/trainer/comm/reducer_contract.h"

namespace lockstep {
namespace {

TEST(MpiTest, CommunicatorContract) {
  expect_communicator_contract(world());
}

TEST(MpiTest, TreeSums) {
  expect_tree_sums(world());
}

TEST(MpiTest, LibrarySum) {
  expect_library_sum(world(), 100'003, 2 * world().size());
}

TEST(MpiTest, NoDenormalSum) {
  expect_no_denormal_sum(world());
}

TEST(MpiTest, Bf16WireSum) {
  expect_bf16_wire_sum(world(), 100'003, 2 * world().size());
}

TEST(MpiTest, Bf16WireRoundsGradientsAlone) {
  expect_only_parted_elements_rounded(world(), 100'003, 99'000, 2 * world().size());
}

// "Open MPI 4.1.4": a name and a number, nothing else.
TEST(MpiTest, LibraryVersion) {
  const std::string version = world().library_version();
  EXPECT_EQ(version.find_first_of(",\n"), std::string::npos) << version;
  EXPECT_NE(version.find_first_of("0123456789"), std::string::npos) << version;
}

}  // namespace
}  // namespace lockstep
