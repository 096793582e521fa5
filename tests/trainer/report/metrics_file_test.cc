#include "trainer/report/metrics_file.h"

#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

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
    StatusOr<MetricsFile> file = MetricsFile::open(path_, 0, {});
    ASSERT_TRUE(file.ok()) << file.status();
    for (std::int64_t step : {10, 20, 30}) {
      file->write(TrainPoint{
          .step = step, .epoch = 0, .loss = 1.5, .accuracy = 0.5, .learning_rate = 0.1, .images_per_second = 100});
      file->write(evaluation(step));
      file->write(CheckpointPoint{.step = step, .path = "checkpoints/step.h5"});
    }
  }

  static EvalPoint evaluation(std::int64_t step) {
    return {.step = step,
            .epoch = step / 10,
            .loss = 1.25,
            .rows = 40,
            .metrics = {{"accuracy", 0.75}, {"f1/\"a\"", std::nan("")}}};
  }
  // "train 10", "eval 10", ...
  std::vector<std::string> events() const {
    std::vector<std::string> all;
    for (const auto& line : lines()) {
      all.push_back(line["event"].get<std::string>() + " " + std::to_string(line["step"].get<std::int64_t>()));
    }
    return all;
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
  EXPECT_TRUE(all[1]["f1/\"a\""].is_null());
  EXPECT_EQ(all[2]["path"], "checkpoints/step.h5");
}

TEST_F(MetricsFileTest, ResumeTakesOutWhatLiesBeyondTheCheckpoint) {
  write_a_run();
  ASSERT_TRUE(MetricsFile::open(path_, 20, {evaluation(10), evaluation(20)}).ok());
  auto all = lines();
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all.back()["step"], 20);
  // The evaluation at the checkpoint's own step is made again when the checkpoint does not hold it.
  ASSERT_TRUE(MetricsFile::open(path_, 20, {evaluation(10)}).ok());
  all = lines();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[3]["event"], "train");
  EXPECT_EQ(all[4]["event"], "checkpoint");
}

TEST_F(MetricsFileTest, ALineTornByAKillGoesAway) {
  write_a_run();
  std::ofstream(path_, std::ios::app) << R"({"event":"train","step":12,"lo)";
  StatusOr<MetricsFile> file = MetricsFile::open(path_, 1000, {});
  ASSERT_TRUE(file.ok());
  file->write(
      EndPoint{.step = 30, .outcome = "done", .seconds = 2, .images_per_second = 3, .metrics = {{"accuracy", 0.5}}});
  const auto all = lines();
  ASSERT_EQ(all.size(), 10U);
  EXPECT_EQ(all.back()["outcome"], "done");
}

TEST_F(MetricsFileTest, EvaluationsThatAreMissingArePutInTheirPlace) {
  write_a_run();
  std::vector<std::string> whole = events();
  for (const char* const lost : {"\"event\":\"eval\",\"step\":10,", "\"event\":\"eval\",\"step\":30,"}) {
    std::ifstream in(path_);
    std::string kept;
    for (std::string line; std::getline(in, line);) {
      if (line.find(lost) == std::string::npos) kept += line + "\n";
    }
    std::ofstream(path_) << kept;
  }
  ASSERT_EQ(events().size(), 7U);
  ASSERT_TRUE(MetricsFile::open(path_, 30, {evaluation(10), evaluation(20), evaluation(30)}).ok());
  EXPECT_EQ(events(), whole);
  // All of them, of a file that is gone.
  std::filesystem::remove(path_);
  ASSERT_TRUE(MetricsFile::open(path_, 30, {evaluation(10), evaluation(30)}).ok());
  EXPECT_EQ(events(), (std::vector<std::string>{"eval 10", "eval 30"}));
  EXPECT_EQ(lines()[1]["loss"], 1.25);
}

TEST_F(MetricsFileTest, AFileThatLacksNothingIsLeftAlone) {
  write_a_run();
  const auto before = std::filesystem::last_write_time(path_);
  ASSERT_TRUE(MetricsFile::open(path_, 30, {evaluation(10), evaluation(20), evaluation(30)}).ok());
  EXPECT_EQ(std::filesystem::last_write_time(path_), before);
  const StatusOr<std::vector<EvalPoint>> read = read_evaluations(path_);
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ((*read)[2].step, 30);
  EXPECT_EQ((*read)[2].epoch, 3);
  EXPECT_EQ((*read)[2].rows, 40);
  ASSERT_EQ((*read)[2].metrics.size(), 2U);
  EXPECT_EQ((*read)[2].metrics[0], (MetricValue{"accuracy", 0.75}));
  EXPECT_EQ((*read)[2].metrics[1].name, "f1/\"a\"");
  EXPECT_TRUE(std::isnan((*read)[2].metrics[1].value));
}

// No file of this process may grow beyond `bytes`, as on a disk that is full; a write stops in the middle.
class FullDisk {
 public:
  explicit FullDisk(std::uintmax_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit now{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    CHECK(::setrlimit(RLIMIT_FSIZE, &now) == 0);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_ = {};
  void (*handler_)(int) = nullptr;
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_F(MetricsFileTest, GoesOnAfterAFullDiskWithNothingLost) {
  write_a_run();
  StatusOr<MetricsFile> file = MetricsFile::open(path_, 30, {evaluation(10), evaluation(20), evaluation(30)});
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->sync().ok()) << "the control";
  testing::internal::CaptureStderr();
  {
    const FullDisk full(std::filesystem::file_size(path_) + 20);
    file->write(TrainPoint{.step = 40});
    file->write(evaluation(40));
    EXPECT_TRUE(absl::IsUnavailable(file->sync())) << "neither on disk nor said";
    file->write(evaluation(50));
  }
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count(told, "training goes on, and what cannot be written waits"), 1U) << told;
  EXPECT_NE(told.find("metrics.jsonl"), std::string::npos) << told;
  EXPECT_TRUE(file->sync().ok());
  std::vector<std::string> all = events();  // parses each line
  ASSERT_EQ(all.size(), 12U);
  EXPECT_EQ((std::vector<std::string>(all.begin() + 9, all.end())),
            (std::vector<std::string>{"train 40", "eval 40", "eval 50"}));
  file->write(TrainPoint{.step = 60});
  EXPECT_EQ(events().size(), 13U);
}

TEST_F(MetricsFileTest, ComesBackWithoutAnEvaluationToo) {
  StatusOr<MetricsFile> file = MetricsFile::open(path_, 0, {});
  ASSERT_TRUE(file.ok());
  {
    const FullDisk full(10);
    file->write(TrainPoint{.step = 1});
  }
  std::int64_t step = 1;
  for (int i = 0; i < 1000 && std::filesystem::file_size(path_) <= 10; ++i) {
    file->write(TrainPoint{.step = ++step});
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(events().front(), "train 1");
  EXPECT_EQ(events().size(), static_cast<std::size_t>(step));
}

TEST_F(MetricsFileTest, OfTooManyLinesThatWaitNoEvaluationIsLost) {
  StatusOr<MetricsFile> file = MetricsFile::open(path_, 0, {});
  ASSERT_TRUE(file.ok());
  constexpr std::int64_t kMore = 50;
  const auto most = static_cast<std::int64_t>(MetricsFile::kMostWaiting);
  {
    const FullDisk full(10);
    file->write(evaluation(10));
    for (std::int64_t step = 11; step <= 10 + most + kMore; ++step) file->write(TrainPoint{.step = step});
  }
  ASSERT_TRUE(file->sync().ok());
  const std::vector<std::string> all = events();
  ASSERT_EQ(all.size(), MetricsFile::kMostWaiting + 1);
  EXPECT_EQ(all[0], "eval 10");
  EXPECT_EQ(all[1], "train " + std::to_string(11 + kMore));
}

}  // namespace
}  // namespace lockstep
