// An evaluation as a table for people and as JSON for scripts.
#pragma once

#include <string>
#include <vector>

#include "trainer/loop/evaluation.h"

namespace lockstep {

struct EvaluationReport {
  std::string checkpoint;
  std::string data;
  std::string split;
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  Target target;
  float label_smoothing = 0;  // of the loss
  bool is_average = false;    // of the weights of a training, in place of its last ones
  std::vector<std::int64_t> class_rows;
  EvaluationResult result;  // of one class a row: with confusion
};

// Loss and metrics; of one class a row a line a class: rows, precision, recall, F1, and the confusion matrix (up to 20
// classes); of several labels a line a label: rows, average precision; of
// numbers a line a number: R2, absolute error, unit; of masks a line a class: rows with it, IoU.
std::string format_table(const EvaluationReport& report);
// {"checkpoint":..,"data":..,"split":..,"step":..,"epoch":..,"rows":..,"loss":..,"label_smoothing":..,"weights":"last","metrics":{name:value}},
// and of one class a row also "top1":..,"top5":..,"classes":[{"name":..,"rows":..,"precision":..,"recall":..,"f1":..}],
// "confusion":[[..]]; of several labels "labels":[{"name":..,"rows":..,"average_precision":..}]; of numbers
// "numbers":[{"name":.., "unit":..,"r2":..,"absolute_error":..}], of masks "classes":[{"name":..,"rows":..,"iou":..}];
// one line. A share with nothing to divide by is null. Beyond 1,000 classes "confusion_cells" stands in place of
// "confusion": a list of [label, prediction, rows] of the cells that are not 0.
std::string format_json(const EvaluationReport& report);

}  // namespace lockstep
