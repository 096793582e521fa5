#include "storage/base/status.h"

#include <gtest/gtest.h>

#include "storage/base/exit_code.h"

namespace lockstep {
namespace {

TEST(Status, KindsAndExitCodes) {
  EXPECT_EQ(exit_code(OkStatus()), 0);
  EXPECT_EQ(exit_code(bad_configuration("x")), 2);
  EXPECT_EQ(exit_code(bad_data("x")), 3);
  EXPECT_EQ(exit_code(diverged("x")), 4);
  EXPECT_EQ(exit_code(stopped("x")), 75);
  EXPECT_EQ(exit_code(hung("x")), 86);
  EXPECT_EQ(exit_code(machine_cannot("x")), 69);
  EXPECT_EQ(exit_code(io_error("x")), 74);
  EXPECT_EQ(exit_code(absl::NotFoundError("x")), 1);
}

TEST(Status, ContextKeepsTheKind) {
  const Status status = with_context(bad_data("no labels"), "train.h5");
  EXPECT_EQ(status, bad_data("train.h5: no labels"));
  EXPECT_TRUE(with_context(OkStatus(), "train.h5").ok());
}

StatusOr<int> half(int value) {
  if (value % 2 != 0) return bad_data("odd");
  return value / 2;
}

StatusOr<int> quarter(int value) {
  ASSIGN_OR_RETURN(const int once, half(value));
  ASSIGN_OR_RETURN(const int twice, half(once));
  return twice;
}

Status is_quarter(int value) {
  RETURN_IF_ERROR(quarter(value).status());
  return OkStatus();
}

TEST(Status, MacrosPassValuesAndErrors) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).status(), bad_data("odd"));
  EXPECT_TRUE(is_quarter(8).ok());
  EXPECT_EQ(is_quarter(3), bad_data("odd"));
}

TEST(CheckDeathTest, SaysWhoWhereAndWhat) {
  const auto fail = [] {
    set_rank_for_messages(3);
    CHECK(1 + 1 == 3, "sum {}", 2);
  };
  EXPECT_DEATH(fail(), "rank 3: .*status_test.cc:[0-9]+: CHECK\\(1 \\+ 1 == 3\\) failed: sum 2");
  CHECK(1 + 1 == 2);
}

}  // namespace
}  // namespace lockstep
