// Loss, metrics and targets that do not fit, each with its message.
#include "trainer/loop/task.h"

#include <string>
#include <vector>

#include <gmock/gmock-matchers.h>
#include <gtest/gtest.h>

namespace lockstep {
namespace {

using testing::HasSubstr;

DatasetInfo info_of(TargetKind target) {
  DatasetInfo info;
  info.target = target;
  info.class_names = {"cat", "dog"};
  info.class_rows = {30, 10};
  return info;
}

// The job with its defaults, and what is wrong with it.
JobDraft checked(TargetKind target, const std::string& job) {
  JobDraft draft = parse_job("data { path: 'none' } model { layer { dense {} } } " + job, "job");
  check_task(info_of(target), draft);
  return draft;
}

std::string faults_of(TargetKind target, const std::string& job) {
  return std::string(checked(target, job).faults.status("job").message());
}

struct Combination {
  TargetKind target;
  const char* job;
  const char* words;
};

constexpr TargetKind kClass = TargetKind::kClass, kLabels = TargetKind::kLabels, kNumbers = TargetKind::kNumbers,
                     kMask = TargetKind::kMask;

const Combination kWrong[] = {
    {kLabels, "",
     "loss: softmax cross entropy, the default, is of one class a row, and the training rows have several "
     "labels a row: expected loss { binary_cross_entropy {} }"},
    {kNumbers, "", "expected loss { mean_squared_error {} }"},
    {kMask, "", "expected loss { pixel_cross_entropy {} }"},
    {kClass, "loss { binary_cross_entropy {} }",
     "loss.binary_cross_entropy: is of several labels a row, and the training rows have one class a row: expected loss "
     "{ "
     "softmax_cross_entropy {} }"},
    {kMask, "loss { softmax_cross_entropy {} }",
     "loss.softmax_cross_entropy: is of one class a row, and the training "
     "rows have masks"},
    {kLabels, "loss { mean_squared_error {} }", "loss.mean_squared_error: is of numbers"},
    {kClass, "loss { huber {} }", "loss.huber: is of numbers"},
    {kNumbers, "loss { pixel_cross_entropy {} }", "loss.pixel_cross_entropy: is of masks"},
    {kNumbers, "loss { huber {} label_smoothing: 0.1 }", "loss.label_smoothing: is of softmax cross entropy"},
    {kLabels, "loss { binary_cross_entropy {} label_smoothing: 0.1 }", "loss.label_smoothing: is of softmax"},
    {kClass, "evaluate { metric: 'mean_iou' }",
     "evaluate.metric[0]: mean_iou is of masks, and the rows have one class a row: expected one of loss, accuracy"},
    {kLabels, "loss { binary_cross_entropy {} } evaluate { metric: ['label_accuracy', 'accuracy'] }",
     "evaluate.metric[1]: accuracy is of one class a row, and the rows have several labels a row"},
    {kNumbers, "loss { huber {} } evaluate { metric: 'R2' }",
     "evaluate.metric[0]: there is no metric \"R2\": expected one "
     "of loss, mean_r2, r2/<name>"},
    {kClass, "evaluate { metric: 'f1/bird' }", "evaluate.metric[0]: the training rows have no class \"bird\""},
    {kClass, "evaluate { metric: ['accuracy', 'accuracy'] }", "evaluate.metric[1]: accuracy is there twice"},
    {kClass, "evaluate { metric: 'f1' }", "expected one value, as \"f1/cat\", or another metric before it"},
    {kClass, "loss { softmax_cross_entropy { class_weight: [1, 2, 3] } }",
     "loss.softmax_cross_entropy.class_weight: expected one for each of the 2 classes, got 3"},
    {kClass, "loss { softmax_cross_entropy { class_weight: [0, 0] } }", "all training rows have the weight 0"},
    {kClass, "loss { softmax_cross_entropy { class_weight: [1, -2] } }",
     "loss.softmax_cross_entropy.class_weight[1]: expected at least 0, got -2"},
    {kClass, "loss { softmax_cross_entropy { balanced: true class_weight: [1, 2] } }", "expected one of the two"},
    {kClass, "loss { softmax_cross_entropy { ignored_label: 2 } }",
     "loss.softmax_cross_entropy.ignored_label: expected a class, 0 to 1, got 2"},
    {kLabels, "loss { binary_cross_entropy { positive_weight: 2 } }",
     "loss.binary_cross_entropy.positive_weight: expected one for each of the 2 labels, got 1"},
    {kClass, "stop_when { metric: 'macro_f1' }",
     "stop_when.metric: expected one value of evaluate.metric (accuracy), or loss, got \"macro_f1\""},
    {kClass, "schedule { plateau { metric: 'f1' } } evaluate { metric: ['accuracy', 'f1'] }",
     "schedule.plateau.metric: expected one value of evaluate.metric (accuracy, f1), or loss, got \"f1\""},
    {kClass, "evaluate { every_epochs: -1 rows: -1 }", "evaluate.rows: expected at least 0"},
};

TEST(Task, WhatDoesNotFitIsNamed) {
  for (const Combination& row : kWrong) EXPECT_THAT(faults_of(row.target, row.job), HasSubstr(row.words)) << row.job;
}

TEST(Task, WhatFitsIsTaken) {
  EXPECT_EQ(faults_of(kClass, "loss { label_smoothing: 0.1 }"), "");
  EXPECT_EQ(faults_of(kClass, "loss { softmax_cross_entropy {} } evaluate { metric: ['loss', 'f1', 'f1/dog'] }"), "");
  EXPECT_EQ(faults_of(kLabels, "loss { binary_cross_entropy {} }"), "");
  EXPECT_EQ(faults_of(kNumbers, "loss { mean_squared_error {} } evaluate { metric: 'r2/dog' }"), "");
  EXPECT_EQ(faults_of(kMask, "loss { pixel_cross_entropy {} }"), "");
}

TEST(Task, ClassWeightsHaveAMeanOfOneOverTheTrainingRows) {
  const auto weights = [](const std::string& loss) {
    const JobDraft draft = checked(kClass, "loss { softmax_cross_entropy { " + loss + " } }");
    EXPECT_TRUE(draft.faults.empty()) << draft.faults.status("job");
    EXPECT_FALSE(draft.job.loss().softmax_cross_entropy().has_balanced());
    const auto& list = draft.job.loss().softmax_cross_entropy().class_weight();
    return std::vector<float>(list.begin(), list.end());
  };
  EXPECT_EQ(weights("class_weight: [2, 6]"), (std::vector<float>{2.0F / 3, 2}));
  EXPECT_EQ(weights("balanced: true"), (std::vector<float>{2.0F / 3, 2}));
  EXPECT_EQ(weights("class_weight: [5, 7] ignored_label: 0"), (std::vector<float>{5.0F / 7, 1}));
  // What is resolved stays as it is.
  EXPECT_EQ(weights("class_weight: [0.6666667, 2]"), (std::vector<float>{0.6666667F, 2}));
  EXPECT_TRUE(weights("").empty());
}

TEST(Task, WhatIsFollowedIsAFoldOverTheEvaluations) {
  const auto evaluations = [](const std::vector<double>& accuracies) {
    std::vector<EvalPoint> points;
    for (const double accuracy : accuracies)
      points.push_back({.loss = 1 - accuracy, .metrics = {{"accuracy", accuracy}}});
    return points;
  };
  const proto::Job plateau = checked(kClass, "schedule { plateau { patience: 1 factor: 0.5 } }").job;
  EXPECT_EQ(plateau_scale(plateau, evaluations({})), 1);
  EXPECT_EQ(plateau_scale(plateau, evaluations({0.1, 0.2, 0.2})), 1);
  EXPECT_EQ(plateau_scale(plateau, evaluations({0.1, 0.2, 0.2, 0.1})), 0.5);
  EXPECT_EQ(plateau_scale(plateau, evaluations({0.1, 0.2, 0.2, 0.1, 0.1, 0.2, 0.3})), 0.25);
  const proto::Job by_loss = checked(kClass, "stop_when { patience: 2 metric: 'loss' min_delta: 0.05 }").job;
  EXPECT_EQ(early_end(by_loss, evaluations({0.1, 0.2, 0.22})), "");
  EXPECT_EQ(early_end(by_loss, evaluations({0.1, 0.2, 0.22, 0.24})),
            "ended early: loss has not improved for 2 evaluations");
  EXPECT_EQ(early_end(by_loss, evaluations({0.1, 0.2, 0.22, 0.26, 0.1})), "");
  EXPECT_EQ(early_end(checked(kClass, "").job, evaluations({0.1, 0, 0, 0})), "");
  EXPECT_TRUE(follows_evaluations(plateau) && follows_evaluations(by_loss));
  EXPECT_FALSE(follows_evaluations(checked(kClass, "").job));
}

TEST(Task, AJobThatNamesNoMetricTellsTheOneOfItsTarget) {
  const auto metric = [](TargetKind target) {
    const std::vector<std::string> told = told_metrics(checked(target, "").job);
    EXPECT_EQ(told.size(), 1U);
    return told[0];
  };
  EXPECT_FALSE(checked(kClass, "").job.has_evaluate()) << "a job of an earlier version stays as it was";
  EXPECT_EQ(checked(kClass, "evaluate {}").job.evaluate().metric(0), "accuracy");
  EXPECT_EQ(metric(kClass), "accuracy");
  EXPECT_EQ(metric(kLabels), "mean_average_precision");
  EXPECT_EQ(metric(kNumbers), "mean_r2");
  EXPECT_EQ(metric(kMask), "mean_iou");
}

TEST(Task, MetricsAreToldInTheOrderOfTheJob) {
  const std::vector<MetricValue> all = {{"accuracy", 1}, {"macro_f1", 2}, {"f1/a", 3}, {"f1/b", 4}};
  const auto wanted = [&](const std::string& names) {
    return wanted_metrics(checked(kClass, "evaluate { metric: " + names + " }").job, all);
  };
  using Values = std::vector<MetricValue>;
  EXPECT_EQ(wanted("'accuracy'"), (Values{{"accuracy", 1}}));
  EXPECT_EQ(wanted("['macro_f1', 'f1']"), (Values{{"macro_f1", 2}, {"f1/a", 3}, {"f1/b", 4}}));
  EXPECT_EQ(wanted("['f1/b', 'loss']"), (Values{{"f1/b", 4}}));
}

}  // namespace
}  // namespace lockstep
