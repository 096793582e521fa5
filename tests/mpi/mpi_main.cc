#include "tests/mpi/mpi_main.h"

#include <cstdio>

#include <gtest/gtest.h>

#include "trainer/comm/heartbeat.h"
#include "trainer/comm/mpi_communicator.h"

namespace lockstep {
namespace {

constexpr std::size_t kPieceBytes = 4096;
Communicator* world_communicator = nullptr;

class FailureReporter final : public testing::EmptyTestEventListener {
 public:
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", world().rank(), result.file_name(), result.line_number(),
                 result.message());
  }
  void OnTestEnd(const testing::TestInfo& test) override {
    if (!test.result()->Failed()) return;
    std::fprintf(stderr, "rank %d: FAILED %s.%s\n", world().rank(), test.test_suite_name(), test.name());
    std::fflush(nullptr);
    MpiSession::abort_all(1);
  }
};

int run_tests() {
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  if (world().rank() != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new FailureReporter);
  return RUN_ALL_TESTS();
}

}  // namespace

Communicator& world() {
  return *world_communicator;
}

}  // namespace lockstep

int main(int argc, char** argv) {
  lockstep::die_with_parent();
  testing::InitGoogleTest(&argc, argv);
  auto session = lockstep::MpiSession::create(lockstep::kPieceBytes);
  CHECK(session.ok(), "{}", session.status().ToString());
  lockstep::world_communicator = &(*session)->communicator();
  lockstep::set_rank_for_messages(lockstep::world().rank());
  return lockstep::run_tests();
}
