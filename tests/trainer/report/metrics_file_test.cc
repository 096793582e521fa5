#include "trainer/report/metrics_file.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

class MetricsFileTest : public testing::Test {
 protected:
  std::vector<nlohmann::json> lines() const {
    std::ifstream in(path_);
    std::vector<nlohmann::json> all;
    for (std::string line; std::getline(in, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }

  void write_a_run() {
    StatusOr<MetricsFile> file = MetricsFile::open(path_, 0, false);
    ASSERT_TRUE(file.ok()) << file.status();
    for (std::int64_t step : {10, 20, 30}) {
      file->write(TrainPoint{
          .step = step, .epoch = 0, .loss = 1.5, .accuracy = 0.5, .learning_rate = 0.1, .images_per_second = 100});
      file->write(EvalPoint{.step = step, .epoch = 1, .loss = 1.25, .accuracy = 0.75, .rows = 40});
      file->write(CheckpointPoint{.step = step, .path = "checkpoints/step.h5"});
    }
  }

  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_ / "metrics.jsonl";
};

TEST_F(MetricsFileTest, WritesOneObjectALine) {
  write_a_run();
  const auto all = lines();
  ASSERT_EQ(all.size(), 9U);
  EXPECT_EQ(all[0]["event"], "train");
  EXPECT_EQ(all[0]["step"], 10);
  EXPECT_EQ(all[0]["learning_rate"], 0.1);
  EXPECT_EQ(all[1]["event"], "eval");
  EXPECT_EQ(all[1]["accuracy"], 0.75);
  EXPECT_EQ(all[2]["path"], "checkpoints/step.h5");
}

TEST_F(MetricsFileTest, ResumeTakesOutWhatLiesBeyondTheCheckpoint) {
  write_a_run();
  ASSERT_TRUE(MetricsFile::open(path_, 20, true).ok());
  auto all = lines();
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all.back()["step"], 20);
  // The evaluation at the checkpoint's own step is made again when the checkpoint does not know its accuracy.
  ASSERT_TRUE(MetricsFile::open(path_, 20, false).ok());
  all = lines();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[3]["event"], "train");
  EXPECT_EQ(all[4]["event"], "checkpoint");
}

TEST_F(MetricsFileTest, ALineTornByAKillGoesAway) {
  write_a_run();
  std::ofstream(path_, std::ios::app) << R"({"event":"train","step":12,"lo)";
  StatusOr<MetricsFile> file = MetricsFile::open(path_, 1000, true);
  ASSERT_TRUE(file.ok());
  file->write(EndPoint{.step = 30, .outcome = "done", .seconds = 2, .images_per_second = 3, .accuracy = 0.5});
  const auto all = lines();
  ASSERT_EQ(all.size(), 10U);
  EXPECT_EQ(all.back()["outcome"], "done");
}

}  // namespace
}  // namespace lockstep
