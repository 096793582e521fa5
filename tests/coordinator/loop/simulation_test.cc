// Seeded machines that pause, have their clock set, lose lines and answers, fill their disk and repeat themselves,
// under the real loop. What must hold: nothing is started on a full disk, no healthy attempt is fenced, no trial has
// two attempts at once, every sweep that was acknowledged comes to its end, with each evaluation once and of the right
// value. A control takes one protection away, and is found.
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/coordinator/loop/simulated_machine.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

constexpr int kControlSeeds = 200;

// LOCKSTEP_SIMULATION_SEEDS=10000 for a long run.
int seeds() {
  const char* const text = std::getenv("LOCKSTEP_SIMULATION_SEEDS");
  return text == nullptr ? 200 : std::atoi(text);
}

std::string run(int seed, Protections protections) {
  const TemporaryDirectory directory;
  return SimulatedMachine(static_cast<std::uint64_t>(seed), directory.path(), protections).run();
}

TEST(MachineSimulation, NothingGoesWrong) {
  for (int seed = 0; seed < seeds(); ++seed) ASSERT_EQ(run(seed, {}), "") << "seed " << seed;
}

struct Control {
  const char* name;
  Protections protections;
  const char* found;
};

void PrintTo(const Control& control, std::ostream* out) {
  *out << control.name;
}

class MachineSimulationControl : public testing::TestWithParam<Control> {};

TEST_P(MachineSimulationControl, IsFound) {
  std::string found;
  int seed = 0;
  for (; seed < kControlSeeds && found != GetParam().found; ++seed) found = run(seed, GetParam().protections);
  EXPECT_EQ(found, GetParam().found);
  RecordProperty("seeds", seed);
}

INSTANTIATE_TEST_SUITE_P(Protections, MachineSimulationControl,
                         testing::Values(Control{"Pause", {.pause = false}, "a healthy attempt was fenced"},
                                         Control{"Clock", {.clock = false}, "the time of an event runs back"},
                                         Control{"Seq", {.seq = false}, "an old report was taken"},
                                         Control{"Line", {.line = false}, "an evaluation was lost"},
                                         Control{"Room", {.room = false}, "a trial was started on a full disk"}),
                         [](const auto& control) { return control.param.name; });

}  // namespace
}  // namespace lockstep
