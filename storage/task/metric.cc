#include "storage/task/metric.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "storage/base/status.h"

namespace lockstep {
namespace {

constexpr TargetKind kClass = TargetKind::kClass;
constexpr TargetKind kLabels = TargetKind::kLabels;
constexpr TargetKind kNumbers = TargetKind::kNumbers;
constexpr TargetKind kMask = TargetKind::kMask;

constexpr MetricInfo kMetrics[] = {
    {.name = "loss",
     .target = std::nullopt,
     .higher_is_better = false,
     .is_share = false,
     .text = "mean over rows of the loss"},
    {.name = "accuracy", .target = kClass, .text = "share of rows whose class has the largest output"},
    {.name = "top5_accuracy", .target = kClass, .text = "share of rows whose class is among the five largest outputs"},
    {.name = "macro_f1", .target = kClass, .text = "mean over classes of f1"},
    {.name = "f1", .target = kClass, .each = true, .text = "harmonic mean of precision and recall of a class"},
    {.name = "mean_average_precision", .target = kLabels, .text = "mean over labels of average_precision"},
    {.name = "average_precision",
     .target = kLabels,
     .each = true,
     .text = "of a label: precision over recall, summed by steps of recall"},
    {.name = "label_accuracy", .target = kLabels, .text = "share of labels that are right, taken as there above 0.5"},
    {.name = "mean_r2", .target = kNumbers, .is_share = false, .text = "mean over numbers of r2"},
    {.name = "r2",
     .target = kNumbers,
     .is_share = false,
     .each = true,
     .text = "of a number: 1 - squared errors / squared distances from its mean"},
    {.name = "mean_absolute_error",
     .target = kNumbers,
     .higher_is_better = false,
     .is_share = false,
     .text = "mean over numbers of absolute_error"},
    {.name = "absolute_error",
     .target = kNumbers,
     .higher_is_better = false,
     .is_share = false,
     .each = true,
     .text = "of a number: mean distance from it, in its own unit"},
    {.name = "mean_iou", .target = kMask, .text = "mean over classes of iou"},
    {.name = "iou",
     .target = kMask,
     .each = true,
     .text = "of a class: pixels in both of label and prediction / in either"},
    {.name = "pixel_accuracy", .target = kMask, .text = "share of pixels whose class has the largest output"},
};

}  // namespace

std::span<const MetricInfo> metrics() {
  return kMetrics;
}

const MetricInfo* find_metric(std::string_view name) {
  const std::string_view stem = name.substr(0, name.find('/'));
  const auto found = std::ranges::find(kMetrics, stem, &MetricInfo::name);
  if (found == std::end(kMetrics) || (stem.size() < name.size() && !found->each)) return nullptr;
  return found;
}

const MetricInfo& chief_metric(TargetKind target) {
  const auto found = std::ranges::find(kMetrics, std::optional(target), &MetricInfo::target);
  CHECK(found != std::end(kMetrics));
  return *found;
}

std::string metric_fault(std::string_view name, std::optional<TargetKind> target) {
  const MetricInfo* const found = find_metric(name);
  if (found != nullptr && (!found->target || !target || found->target == target)) return "";
  std::vector<std::string> names;
  for (const MetricInfo& each : kMetrics) {
    if (target && each.target && each.target != target) continue;
    names.push_back(std::string(each.name) + (each.each ? "/<name>" : ""));
  }
  const std::string expected = fmt::format("expected one of {}", fmt::join(names, ", "));
  if (found == nullptr) return fmt::format("there is no metric \"{}\": {}", name, expected);
  return fmt::format("{} is of {}, and the rows have {}: {}", name, target_text(*found->target), target_text(*target),
                     expected);
}

bool tells(std::string_view name, std::string_view value) {
  return name == value || name == value.substr(0, value.find('/'));
}

std::string metric_value_text(const MetricValue& metric) {
  if (std::isnan(metric.value)) return "-";
  const MetricInfo* const info = find_metric(metric.name);
  if (info != nullptr && info->is_share) return fmt::format("{:.2f} %", metric.value * 100);
  return metric.name == "loss" ? fmt::format("{:.4f}", metric.value) : fmt::format("{:.6g}", metric.value);
}

std::string metric_text(const MetricValue& metric) {
  return fmt::format("{} {}", metric.name, metric_value_text(metric));
}

double metric_value(std::span<const MetricValue> values, std::string_view name) {
  const auto found = std::ranges::find(values, name, &MetricValue::name);
  return found == values.end() ? std::nan("") : found->value;
}

}  // namespace lockstep
