// What a run has left, also one that was killed.
#include "coordinator/loop/run_history.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

TEST(RunHistory, OfNothingIsEmpty) {
  const TemporaryDirectory run;
  EXPECT_TRUE(read_run_history(run.path()).evaluations.empty());
  EXPECT_TRUE(read_run_history(run / "not there").checkpoints.empty());
}

TEST(RunHistory, EvaluationsAreThoseOfMetricsWithoutATornLine) {
  const TemporaryDirectory run;
  std::ofstream(run / "metrics.jsonl") << R"({"event":"train","step":17,"loss":2.5})"
                                       << "\n"
                                       << R"({"event":"eval","step":18,"epoch":1,"loss":1.5,"accuracy":0.25})"
                                       << "\n"
                                       << R"({"event":"eval","step":36,"epo)";
  const RunHistory history = read_run_history(run.path());
  ASSERT_EQ(history.evaluations.size(), 1U);
  EXPECT_EQ(history.evaluations[0].step(), 18);
  EXPECT_EQ(history.evaluations[0].epoch(), 1);
  EXPECT_EQ(history.evaluations[0].loss(), 1.5);
  EXPECT_EQ(history.evaluations[0].accuracy(), 0.25);
}

// What is limited is what is kept, not how much else stands before it.
TEST(RunHistory, EvaluationsBehindManyOtherLinesAreFound) {
  const TemporaryDirectory run;
  std::ofstream file(run / "metrics.jsonl");
  const std::string other(1 << 20, 'x');
  for (int i = 0; i < 70; ++i) file << R"({"event":"train","step":1,"note":")" << other << "\"}\n";
  file << R"({"event":"eval","step":18,"epoch":1,"loss":1.5,"accuracy":0.25})" << "\n" << std::flush;
  EXPECT_EQ(read_run_history(run.path()).evaluations.size(), 1U);
}

TEST(RunHistory, ALossThatIsNoNumberStaysNone) {
  const TemporaryDirectory run;
  std::ofstream(run / "metrics.jsonl") << R"({"event":"eval","step":40,"epoch":2,"loss":null,"accuracy":0.5})" << "\n";
  const RunHistory history = read_run_history(run.path());
  ASSERT_EQ(history.evaluations.size(), 1U);
  EXPECT_TRUE(std::isnan(history.evaluations[0].loss()));
}

TEST(RunHistory, CheckpointsAreTheFilesWhateverMetricsSay) {
  const TemporaryDirectory run;
  std::filesystem::create_directory(run / "checkpoints");
  for (const char* name : {"step-000000036.h5", "step-000000018.h5", "step-1234567890.h5", "step-000000054.h5.tmp",
                           "step-.h5", "step-12x.h5", "lock"}) {
    std::ofstream(run / "checkpoints" / name) << "bytes";
  }
  std::ofstream(run / "metrics.jsonl") << R"({"event":"checkpoint","step":9})" << "\n"
                                       << R"({"event":"checkpoint","step":18})" << "\n";
  std::vector<std::int64_t> steps;
  for (const proto::CheckpointNote& note : read_run_history(run.path()).checkpoints) steps.push_back(note.step());
  EXPECT_EQ(steps, (std::vector<std::int64_t>{18, 36, 1234567890}));
}

}  // namespace
}  // namespace lockstep
