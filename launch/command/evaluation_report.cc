#include "launch/command/evaluation_report.h"

#include <algorithm>
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
  std::vector<Counts> counts(report.class_names.size());
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
  const std::size_t classes = report.class_names.size();
  std::vector<std::vector<std::int64_t>> matrix(classes, std::vector<std::int64_t>(classes));
  for (const ConfusionCell& cell : report.result.confusion) {
    matrix[static_cast<std::size_t>(cell.label)][static_cast<std::size_t>(cell.prediction)] = cell.rows;
  }
  return matrix;
}

nlohmann::ordered_json confusion_json(const EvaluationReport& report) {
  if (report.class_names.size() <= kMostClassesInJsonMatrix) return confusion_matrix(report);
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

}  // namespace

std::string format_table(const EvaluationReport& report) {
  const EvaluationResult& result = report.result;
  const auto rows = static_cast<double>(result.rows);
  std::string text = fmt::format("checkpoint  {} (step {}, epoch {})\ndata        {}, group {}, {} rows\n",
                                 printable(report.checkpoint), report.step, report.epoch, printable(report.data),
                                 printable(report.split), result.rows);
  text += fmt::format("loss        {:.4f}\naccuracy    top-1 {:.2f} %   top-5 {:.2f} %\n\n", result.loss,
                      100 * result.accuracy(), 100 * static_cast<double>(result.correct_top5) / rows);
  std::size_t width = 5;
  std::vector<std::string> names;
  for (const std::string& name : report.class_names) {
    names.push_back(printable(name));
    width = std::max(width, columns(names.back()));
  }
  text +=
      fmt::format("{:<{}}  {:>8}  {:>11}  {:>8}  {:>6}\n", "class", width, "rows", "precision %", "recall %", "F1 %");
  const std::vector<ClassFigures> all = class_figures(report);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const ClassFigures& figures = all[i];
    text += fmt::format("{:<{}}  {:>8}  {:>11}  {:>8}  {:>6}\n", names[i], width, figures.rows,
                        percent(figures.precision), percent(figures.recall), percent(figures.f1));
  }
  const std::size_t classes = report.class_names.size();
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

std::string format_json(const EvaluationReport& report) {
  const EvaluationResult& result = report.result;
  const auto rows = static_cast<double>(result.rows);
  nlohmann::ordered_json json = {{"checkpoint", report.checkpoint},
                                 {"data", report.data},
                                 {"split", report.split},
                                 {"step", report.step},
                                 {"epoch", report.epoch},
                                 {"rows", result.rows},
                                 {"loss", result.loss},
                                 {"top1", result.accuracy()},
                                 {"top5", static_cast<double>(result.correct_top5) / rows}};
  const std::vector<ClassFigures> all = class_figures(report);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const ClassFigures& figures = all[i];
    json["classes"].push_back({{"name", report.class_names[i]},
                               {"rows", figures.rows},
                               {"precision", number_or_null(figures.precision)},
                               {"recall", number_or_null(figures.recall)},
                               {"f1", number_or_null(figures.f1)}});
  }
  const bool whole = all.size() <= kMostClassesInJsonMatrix;
  json[whole ? "confusion" : "confusion_cells"] = confusion_json(report);
  return json_dump(json) + "\n";
}

}  // namespace lockstep
