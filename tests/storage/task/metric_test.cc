// The table of metrics, and what is said of names that are not in it.
#include "storage/task/metric.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "storage/task/loss.h"

namespace lockstep {
namespace {

TEST(Metrics, NamesAreUniqueAndMadeOfSmallLetters) {
  std::set<std::string_view> names;
  for (const MetricInfo& metric : metrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_EQ(metric.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos);
    EXPECT_FALSE(metric.text.empty()) << metric.name;
  }
}

TEST(Metrics, EachKindOfTargetHasOneThatCounts) {
  for (const TargetKind kind : kTargetKinds) {
    EXPECT_EQ(chief_metric(kind).target, kind);
    EXPECT_FALSE(chief_metric(kind).each) << "one value";
    EXPECT_EQ(target_of_name(target_name(kind)), kind);
  }
  EXPECT_EQ(chief_metric(TargetKind::kClass).name, "accuracy");
  EXPECT_EQ(chief_metric(TargetKind::kLabels).name, "mean_average_precision");
  EXPECT_EQ(target_of_name("none"), std::nullopt);
}

TEST(Losses, EachIsOfTheTargetForWhichItFits) {
  EXPECT_EQ(loss_info(proto::Loss()).name, "softmax_cross_entropy");
  const auto& kinds = *proto::Loss::descriptor()->FindOneofByName("kind");
  for (int i = 0; i < kinds.field_count(); ++i) {
    proto::Loss loss;
    loss.GetReflection()->MutableMessage(&loss, kinds.field(i));
    EXPECT_EQ(loss_info(loss).name, kinds.field(i)->name()) << "each alternative has its row";
  }
  for (const TargetKind kind : kTargetKinds) EXPECT_EQ(loss_info(fitting_loss(kind)).target, kind);
}

TEST(Metrics, AreFoundByName) {
  EXPECT_FALSE(find_metric("loss")->higher_is_better);
  EXPECT_TRUE(find_metric("accuracy")->higher_is_better);
  EXPECT_EQ(find_metric("average_precision/a/b, c"), find_metric("average_precision"));
  for (const char* const none : {"", "Accuracy", "accuracy ", "accuracy/cat", "f1_", "/", "loss/x"}) {
    EXPECT_EQ(find_metric(none), nullptr) << none;
  }
}

TEST(Metrics, AFaultSaysWhatCouldBeMeant) {
  EXPECT_EQ(metric_fault("accuracy", TargetKind::kClass), "");
  EXPECT_EQ(metric_fault("loss", TargetKind::kLabels), "");
  EXPECT_EQ(metric_fault("average_precision/cat", std::nullopt), "");
  EXPECT_EQ(metric_fault("accuracy", TargetKind::kLabels),
            "accuracy is of one class a row, and the rows have several labels a row: expected one of loss, "
            "mean_average_precision, average_precision/<name>, label_accuracy");
  EXPECT_EQ(metric_fault("top5", TargetKind::kClass),
            "there is no metric \"top5\": expected one of loss, accuracy, top5_accuracy, macro_f1, f1/<name>");
}

TEST(Metrics, AreShownAsSharesOrAsTheyAre) {
  EXPECT_EQ(metric_text({"accuracy", 0.93414}), "accuracy 93.41 %");
  EXPECT_EQ(metric_text({"loss", 0.5}), "loss 0.5000");
  EXPECT_EQ(metric_text({"absolute_error/age", 4.25}), "absolute_error/age 4.25");
  EXPECT_EQ(metric_text({"f1/a", std::nan("")}), "f1/a -");
  EXPECT_TRUE(std::isnan(metric_value({}, "accuracy")));
}

}  // namespace
}  // namespace lockstep
