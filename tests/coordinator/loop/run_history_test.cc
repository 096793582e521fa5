#include "coordinator/loop/run_history.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

TEST(RunHistory, ReadsWhatIsWholeAndTakesNoNumberForNone) {
  const TemporaryDirectory run;
  std::filesystem::create_directories(run / "checkpoints");
  std::ofstream(run / "checkpoints" / "step-000000020.h5").flush();
  std::ofstream(run / "metrics.jsonl") << R"({"event":"train","step":10,"loss":1}
{"event":"eval","step":20,"epoch":1,"loss":0.5,"accuracy":0.25}
{"event":"checkpoint","step":20}
{"event":"checkpoint","step":30}
{"event":"eval","step":40,"epoch":2,"loss":null,"accuracy":0.5}
{"event":"eval","step":60,"epo)";
  const RunHistory history = read_run_history(run.path());
  ASSERT_EQ(history.evaluations.size(), 2U);
  EXPECT_EQ(history.evaluations[0].epoch(), 1);
  EXPECT_EQ(history.evaluations[0].step(), 20);
  EXPECT_EQ(history.evaluations[0].accuracy(), 0.25);
  EXPECT_EQ(history.evaluations[1].epoch(), 2);
  EXPECT_TRUE(std::isnan(history.evaluations[1].loss()));
  ASSERT_EQ(history.checkpoints.size(), 1U) << "the other file is not there";
  EXPECT_EQ(history.checkpoints[0].step(), 20);
}

TEST(RunHistory, OfNothingIsEmpty) {
  const TemporaryDirectory run;
  EXPECT_TRUE(read_run_history(run / "none").evaluations.empty());
}

}  // namespace
}  // namespace lockstep
