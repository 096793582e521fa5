#include "launch/command/evaluation_report.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "launch/command/json_dump.h"
#include "storage/base/printable.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostClassesInMatrix = 20;
constexpr std::size_t kMostClassesInJsonMatrix = 1000;

struct ClassFigures {
  std::int64_t rows = 0;
  std::optional<double> precision;
  std::optional<double> recall;
  std::optional<double> f1;
};

std::optional<double> share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

// By class.
std::vector<ClassFigures> class_figures(const EvaluationReport& report) {
  struct Counts {
    std::int64_t labelled = 0, predicted = 0, right = 0;
  };
  std::vector<Counts> counts(report.target.names.size());
  for (const ConfusionCell& cell : report.result.confusion) {
    counts[static_cast<std::size_t>(cell.label)].labelled += cell.rows;
    counts[static_cast<std::size_t>(cell.prediction)].predicted += cell.rows;
    if (cell.label == cell.prediction) counts[static_cast<std::size_t>(cell.label)].right += cell.rows;
  }
  std::vector<ClassFigures> figures;
  figures.reserve(counts.size());
  for (const Counts& it : counts) {
    figures.push_back({.rows = it.labelled,
                       .precision = share(it.right, it.predicted),
                       .recall = share(it.right, it.labelled),
                       .f1 = share(2 * it.right, it.labelled + it.predicted)});
  }
  return figures;
}

// (classes, classes), row: label, column: prediction.
std::vector<std::vector<std::int64_t>> confusion_matrix(const EvaluationReport& report) {
  const std::size_t classes = report.target.names.size();
  std::vector<std::vector<std::int64_t>> matrix(classes, std::vector<std::int64_t>(classes));
  for (const ConfusionCell& cell : report.result.confusion) {
    matrix[static_cast<std::size_t>(cell.label)][static_cast<std::size_t>(cell.prediction)] = cell.rows;
  }
  return matrix;
}

nlohmann::ordered_json confusion_json(const EvaluationReport& report) {
  if (report.target.names.size() <= kMostClassesInJsonMatrix) return confusion_matrix(report);
  auto cells = nlohmann::ordered_json::array();
  for (const ConfusionCell& cell : report.result.confusion) cells.push_back({cell.label, cell.prediction, cell.rows});
  return cells;
}

std::string percent(const std::optional<double>& value) {
  return value ? fmt::format("{:.2f}", *value * 100) : std::string("-");
}

nlohmann::ordered_json number_or_null(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

std::vector<std::string> printable_names(const EvaluationReport& report) {
  std::vector<std::string> names;
  for (const std::string& name : report.target.names) names.push_back(printable(name));
  return names;
}

std::size_t width_of(const std::vector<std::string>& names) {
  std::size_t width = 5;
  for (const std::string& name : names) width = std::max(width, columns(name));
  return width;
}

std::string class_table(const EvaluationReport& report) {
  const std::vector<std::string> names = printable_names(report);
  const std::size_t width = width_of(names);
  std::string text =
      fmt::format("{:<{}}  {:>8}  {:>11}  {:>8}  {:>6}\n", "class", width, "rows", "precision %", "recall %", "F1 %");
  const std::vector<ClassFigures> all = class_figures(report);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const ClassFigures& figures = all[i];
    text += fmt::format("{:<{}}  {:>8}  {:>11}  {:>8}  {:>6}\n", names[i], width, figures.rows,
                        percent(figures.precision), percent(figures.recall), percent(figures.f1));
  }
  const std::size_t classes = report.target.names.size();
  if (classes > kMostClassesInMatrix) return text;
  text += "\nconfusion (line: label, column: prediction)\n";
  text += fmt::format("{:<{}}", "", width);
  for (std::size_t i = 0; i < classes; ++i) text += fmt::format("  {:>6}", first_columns(names[i], 6));
  text += "\n";
  const std::vector<std::vector<std::int64_t>> matrix = confusion_matrix(report);
  for (std::size_t i = 0; i < classes; ++i) {
    text += fmt::format("{:<{}}", names[i], width);
    for (std::size_t k = 0; k < classes; ++k) text += fmt::format("  {:>6}", matrix[i][k]);
    text += "\n";
  }
  return text;
}

// Of one class, label or number.
std::optional<double> value_of(const EvaluationReport& report, const char* metric, std::size_t index) {
  const double value = metric_value(report.result.metrics, fmt::format("{}/{}", metric, report.target.names[index]));
  return std::isnan(value) ? std::nullopt : std::optional(value);
}

std::string unit_of(const EvaluationReport& report, std::size_t index) {
  return report.target.units.empty() ? "" : report.target.units[index];
}

// A line a class or label: its rows, and a metric of it.
std::string share_table(const EvaluationReport& report, const char* noun, std::string_view heading,
                        const char* metric) {
  const std::vector<std::string> names = printable_names(report);
  const std::size_t width = width_of(names);
  std::string text = fmt::format("{:<{}}  {:>8}  {}\n", noun, width, "rows", heading);
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("{:<{}}  {:>8}  {:>{}}\n", names[i], width, report.class_rows[i],
                        percent(value_of(report, metric, i)), heading.size());
  }
  return text;
}

std::string label_table(const EvaluationReport& report) {
  return share_table(report, "label", "average precision %", "average_precision");
}

std::string mask_table(const EvaluationReport& report) {
  return share_table(report, "class", "IoU %", "iou");
}

std::string number_table(const EvaluationReport& report) {
  const std::vector<std::string> names = printable_names(report);
  const std::size_t width = width_of(names) + 1;
  std::string text = fmt::format("{:<{}}  {:>8}  {:>14}  unit\n", "number", width, "R2", "absolute error");
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("{:<{}}  {:>8.4f}  {:>14.6g}  {}\n", names[i], width,
                        value_of(report, "r2", i).value_or(std::nan("")),
                        value_of(report, "absolute_error", i).value_or(std::nan("")), printable(unit_of(report, i)));
  }
  return text;
}

std::string table_of(const EvaluationReport& report) {
  switch (report.target.kind) {
    case TargetKind::kClass:
      return class_table(report);
    case TargetKind::kLabels:
      return label_table(report);
    case TargetKind::kNumbers:
      return number_table(report);
    case TargetKind::kMask:
      return mask_table(report);
  }
  return "";
}

void add_classes(const EvaluationReport& report, nlohmann::ordered_json& json) {
  json["top1"] = metric_value(report.result.metrics, "accuracy");
  json["top5"] = metric_value(report.result.metrics, "top5_accuracy");
  const std::vector<ClassFigures> all = class_figures(report);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const ClassFigures& figures = all[i];
    json["classes"].push_back({{"name", report.target.names[i]},
                               {"rows", figures.rows},
                               {"precision", number_or_null(figures.precision)},
                               {"recall", number_or_null(figures.recall)},
                               {"f1", number_or_null(figures.f1)}});
  }
  const bool whole = all.size() <= kMostClassesInJsonMatrix;
  json[whole ? "confusion" : "confusion_cells"] = confusion_json(report);
}

void add_shares(const EvaluationReport& report, const char* nouns, const char* metric, nlohmann::ordered_json& json) {
  for (std::size_t i = 0; i < report.target.names.size(); ++i) {
    json[nouns].push_back({{"name", report.target.names[i]},
                           {"rows", report.class_rows[i]},
                           {metric, number_or_null(value_of(report, metric, i))}});
  }
}

void add_numbers(const EvaluationReport& report, nlohmann::ordered_json& json) {
  for (std::size_t i = 0; i < report.target.names.size(); ++i) {
    json["numbers"].push_back({{"name", report.target.names[i]},
                               {"unit", unit_of(report, i)},
                               {"r2", number_or_null(value_of(report, "r2", i))},
                               {"absolute_error", number_or_null(value_of(report, "absolute_error", i))}});
  }
}

void add_table(const EvaluationReport& report, nlohmann::ordered_json& json) {
  switch (report.target.kind) {
    case TargetKind::kClass:
      return add_classes(report, json);
    case TargetKind::kLabels:
      return add_shares(report, "labels", "average_precision", json);
    case TargetKind::kNumbers:
      return add_numbers(report, json);
    case TargetKind::kMask:
      return add_shares(report, "classes", "iou", json);
  }
}

// Of the whole split, not of one class.
bool is_of_all(const MetricValue& metric) {
  return metric.name.find('/') == std::string::npos;
}

}  // namespace

std::string format_table(const EvaluationReport& report) {
  const EvaluationResult& result = report.result;
  std::string text = fmt::format("checkpoint  {} (step {}, epoch {})\ndata        {}, group {}, {} rows\n",
                                 printable(report.checkpoint), report.step, report.epoch, printable(report.data),
                                 printable(report.split), result.rows);
  if (report.is_average) text += "weights     their moving average\n";
  text +=
      fmt::format("loss        {:.4f}{}\n", result.loss,
                  report.label_smoothing > 0 ? fmt::format(" (with label smoothing {})", report.label_smoothing) : "");
  if (report.target.kind == TargetKind::kClass) {
    text += fmt::format("accuracy    top-1 {:.2f} %   top-5 {:.2f} %\n", 100 * metric_value(result.metrics, "accuracy"),
                        100 * metric_value(result.metrics, "top5_accuracy"));
  }
  for (const MetricValue& metric : result.metrics) {
    const bool told = metric.name.ends_with("accuracy") && report.target.kind == TargetKind::kClass;
    if (is_of_all(metric) && !told) text += fmt::format("{:<10}  {}\n", metric.name, metric_value_text(metric));
  }
  return text + "\n" + table_of(report);
}

std::string format_json(const EvaluationReport& report) {
  const EvaluationResult& result = report.result;
  nlohmann::ordered_json json = {{"checkpoint", report.checkpoint},
                                 {"data", report.data},
                                 {"split", report.split},
                                 {"step", report.step},
                                 {"epoch", report.epoch},
                                 {"rows", result.rows},
                                 {"loss", result.loss},
                                 {"label_smoothing", report.label_smoothing},
                                 {"weights", report.is_average ? "average" : "last"}};
  for (const MetricValue& metric : result.metrics) json["metrics"][metric.name] = metric.value;
  add_table(report, json);
  return json_dump(json) + "\n";
}

}  // namespace lockstep
