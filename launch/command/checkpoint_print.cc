#include "launch/command/checkpoint_print.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "launch/command/json_dump.h"
#include "storage/base/printable.h"
#include "storage/checkpoint/content.h"

namespace lockstep {
namespace {

// A value that is not a number shows in mean and norm; min and max pass over it.
struct Statistics {
  double min = std::numeric_limits<double>::infinity();
  double max = -min;
  double mean = 0;
  double norm = 0;  // Euclidean
};

Statistics statistics_of(const CheckpointTensor& tensor) {
  Statistics statistics;
  double squares = 0;
  for (const double value : tensor.values) {
    statistics.min = std::fmin(statistics.min, value);
    statistics.max = std::fmax(statistics.max, value);
    statistics.mean += value / static_cast<double>(tensor.values.size());
    squares += value * value;
  }
  statistics.norm = std::sqrt(squares);
  return statistics;
}

// The cells of one row: path, elements that differ, of how many, max |a - b|, max ulp, where the first one is.
std::vector<std::string> difference_row(const TensorDifference& tensor) {
  if (tensor.shape_b.empty()) return {tensor.path, "only in a"};
  if (tensor.shape_a.empty()) return {tensor.path, "only in b"};
  if (tensor.shape_a != tensor.shape_b) {
    return {tensor.path, fmt::format("{} in a, {} in b", shape_text(tensor.shape_a), shape_text(tensor.shape_b))};
  }
  std::int64_t elements = 1;
  for (const std::int64_t extent : tensor.shape_a) elements *= extent;
  return {tensor.path,
          fmt::to_string(tensor.differing_elements),
          fmt::to_string(elements),
          fmt::format("{:.3g}", tensor.max_absolute),
          fmt::to_string(tensor.max_ulp),
          fmt::format("[{}]", fmt::join(tensor.first_index, ", "))};
}

// Null where the file holds none.
Json evaluations_json(const Checkpoint& checkpoint) {
  if (!checkpoint.evaluations) return Json();
  Json list = Json::array();
  for (const CheckpointEvaluation& it : *checkpoint.evaluations) list.push_back(evaluation_json(&it));
  return list;
}

std::string figure(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.4f}", value);
}

std::string figures(const CheckpointEvaluation& evaluation) {
  std::string metrics;
  for (const MetricValue& it : evaluation.metrics) metrics += fmt::format(", {} {}", it.name, figure(it.value));
  return fmt::format("loss {:.4f}{}", evaluation.loss, printable(metrics));
}

}  // namespace

void print_json(const Json& json) {
  fmt::print("{}\n", json_dump(json, 2));
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(printable_lines(row[i])));
  }
  for (const auto& row : rows) {
    std::string line = fmt::format("{:<{}}", printable_lines(row[0]), widths[0]);
    for (std::size_t i = 1; i < row.size(); ++i) line += fmt::format("  {:>{}}", printable_lines(row[i]), widths[i]);
    fmt::print("{}\n", line);
  }
}

Json evaluation_json(const CheckpointEvaluation* evaluation) {
  if (evaluation == nullptr) return Json();
  Json json = {
      {"step", evaluation->step}, {"epoch", evaluation->epoch}, {"rows", evaluation->rows}, {"loss", evaluation->loss}};
  for (const MetricValue& metric : evaluation->metrics) json[metric.name] = metric.value;
  return json;
}

std::string chief_metric_text(const Checkpoint& checkpoint) {
  const CheckpointEvaluation* const here = checkpoint.evaluation();
  if (here != nullptr && here->metrics.empty()) return fmt::format("loss {:.4f}", here->loss);
  if (here != nullptr) return fmt::format("{} {}", here->metrics[0].name, figure(here->metrics[0].value));
  return checkpoint.accuracy ? fmt::format("accuracy {:.4f}", *checkpoint.accuracy) : "-";
}

void print_checkpoint(const FoundCheckpoint& found, const std::string& digest) {
  const Checkpoint& checkpoint = found.checkpoint;
  fmt::print("{}\n", printable(found.path.native()));
  fmt::print("step {}, epoch {}, {}\n", checkpoint.step, checkpoint.epoch, chief_metric_text(checkpoint));
  std::int64_t epoch = 0;
  for (const CheckpointEvaluation& it : checkpoint.evaluations.value_or(std::vector<CheckpointEvaluation>())) {
    const std::string where =
        it.epoch > epoch ? fmt::format("after epoch {}", it.epoch) : fmt::format("at step {}", it.step);
    fmt::print("evaluation {}: {}\n", where, figures(it));
    epoch = it.epoch;
  }
  if (checkpoint.final_test) fmt::print("final test: {}\n", figures(*checkpoint.final_test));
  fmt::print("digest {}\n", digest);
  fmt::print("dataset {:016x}: images {}, mean [{}], deviation [{}]\n", checkpoint.dataset_fingerprint,
             shape_text(checkpoint.image_shape), fmt::join(checkpoint.mean, ", "),
             fmt::join(checkpoint.deviation, ", "));
  fmt::print("{} {}: {}\n", checkpoint.class_names.size(), target_nouns(checkpoint.target),
             printable(fmt::format("{}", fmt::join(checkpoint.class_names, ", "))));
  if (checkpoint.target == TargetKind::kNumbers) {
    fmt::print("of the numbers: units [{}], mean [{}], deviation [{}]\n",
               printable(fmt::format("{}", fmt::join(checkpoint.units, ", "))), fmt::join(checkpoint.target_mean, ", "),
               fmt::join(checkpoint.target_deviation, ", "));
  }
  for (const auto& [name, value] : checkpoint.facts) fmt::print("{}: {}\n", printable(name), printable(value));
  std::vector<std::vector<std::string>> rows = {{"\ntensor", "shape", "min", "mean", "max", "norm"}};
  std::int64_t parameters = 0;
  for (const CheckpointTensor& tensor : checkpoint.tensors) {
    const Statistics statistics = statistics_of(tensor);
    rows.push_back({tensor.path, shape_text(tensor.shape), fmt::format("{:.5g}", statistics.min),
                    fmt::format("{:.5g}", statistics.mean), fmt::format("{:.5g}", statistics.max),
                    fmt::format("{:.5g}", statistics.norm)});
    if (tensor.path.starts_with("parameters/")) parameters += static_cast<std::int64_t>(tensor.values.size());
  }
  print_table(rows);
  fmt::print("{} tensors, {} parameters\n", checkpoint.tensors.size(), parameters);
}

Json checkpoint_json(const FoundCheckpoint& found, const std::string& digest) {
  const Checkpoint& checkpoint = found.checkpoint;
  Json json = {{"path", found.path.native()},
               {"step", checkpoint.step},
               {"epoch", checkpoint.epoch},
               {"accuracy", checkpoint.accuracy ? Json(*checkpoint.accuracy) : Json()},
               {"evaluations", evaluations_json(checkpoint)},
               {"final_test", evaluation_json(checkpoint.final_test ? &*checkpoint.final_test : nullptr)},
               {"digest", digest},
               {"dataset_fingerprint", fmt::format("{:016x}", checkpoint.dataset_fingerprint)},
               {"target", target_name(checkpoint.target)},
               {"class_names", checkpoint.class_names},
               {"units", checkpoint.units},
               {"target_mean", checkpoint.target_mean},
               {"target_deviation", checkpoint.target_deviation},
               {"image_shape", checkpoint.image_shape},
               {"mean", checkpoint.mean},
               {"deviation", checkpoint.deviation},
               {"facts", checkpoint.facts},
               {"job", checkpoint.job},
               {"model", checkpoint.model},
               {"tensors", Json::array()}};
  for (const CheckpointTensor& tensor : checkpoint.tensors) {
    const Statistics statistics = statistics_of(tensor);
    json["tensors"].push_back({{"path", tensor.path},
                               {"shape", tensor.shape},
                               {"min", statistics.min},
                               {"mean", statistics.mean},
                               {"max", statistics.max},
                               {"norm", statistics.norm}});
  }
  return json;
}

void print_difference(const CheckpointDifference& difference) {
  fmt::print("{}\n", difference.identical ? "identical" : "different");
  if (!difference.tensors.empty()) {
    std::vector<std::vector<std::string>> rows = {
        {"tensor", "differing", "elements", "max |a - b|", "max ulp", "first at"}};
    for (const TensorDifference& tensor : difference.tensors) rows.push_back(difference_row(tensor));
    print_table(rows);
  }
  for (const std::string& note : difference.notes) fmt::print("{}\n", printable(note));
}

Json difference_json(const CheckpointDifference& difference) {
  Json json = {{"identical", difference.identical}, {"notes", difference.notes}, {"tensors", Json::array()}};
  for (const TensorDifference& tensor : difference.tensors) {
    Json entry = {{"path", tensor.path}, {"shape_a", tensor.shape_a}, {"shape_b", tensor.shape_b}};
    if (tensor.shape_a == tensor.shape_b) {
      entry["differing_elements"] = tensor.differing_elements;
      entry["max_absolute"] = tensor.max_absolute;
      entry["max_ulp"] = tensor.max_ulp;
      entry["first_index"] = tensor.first_index;
    }
    json["tensors"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace lockstep
