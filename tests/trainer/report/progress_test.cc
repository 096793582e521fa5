#include "trainer/report/progress.h"

#include <cstdio>
#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

std::string printed(const std::function<void(std::FILE*)>& body) {
  std::FILE* file = std::tmpfile();
  body(file);
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text.push_back(static_cast<char>(c));
  std::fclose(file);
  return text;
}

constexpr TrainPoint kPoint{
    .step = 50, .epoch = 1, .loss = 0.5, .accuracy = 0.875, .learning_rate = 0.1, .images_per_second = 2100};

TEST(Progress, PlainStyleWritesWholeLinesAtReportsOnly) {
  const std::string text = printed([](std::FILE* out) {
    Progress progress(ProgressStyle::kPlain, 8, 400, "test", out);
    progress.step(kPoint, 187);
    progress.report(kPoint, 187);
    const EvalPoint evaluation{.step = 100, .epoch = 2, .loss = 0.25, .rows = 10000, .metrics = {{"accuracy", 0.9312}}};
    progress.report(evaluation);
    progress.report_final_test(evaluation);
  });
  EXPECT_EQ(text,
            "epoch 2/8  step 50/400  loss 0.5000  accuracy 87.50 %  2100 images/s  ETA 3:07\n"
            "epoch 2/8  test loss 0.2500  test accuracy 93.12 %  (10,000 rows)\n"
            "final test loss 0.2500  final test accuracy 93.12 %  (10,000 rows)\n");
}

TEST(Progress, LineStyleWritesOverOneLineAndLeavesItClean) {
  const std::string text = printed([](std::FILE* out) {
    Progress progress(ProgressStyle::kLine, 8, 400, "validation", out);
    progress.step(kPoint, 187);
    progress.step(kPoint, 186);  // too soon to be shown
    progress.say("a line");
  });
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(text.find("ETA 3:07"), text.rfind("ETA"));
  EXPECT_NE(text.find("\ra line\n"), std::string::npos);
}

TEST(Progress, DurationsAndCounts) {
  EXPECT_EQ(format_duration(0), "0:00");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(3765), "1:02:45");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(11689512), "11,689,512");
  EXPECT_EQ(format_count(-1234), "-1,234");
}

}  // namespace
}  // namespace lockstep
