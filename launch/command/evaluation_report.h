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
  std::vector<std::string> class_names;
  EvaluationResult result;  // with confusion
};

// Loss, top-1 and top-5 accuracy; a line a class: rows, precision, recall, F1; the confusion matrix (up to 20 classes).
std::string format_table(const EvaluationReport& report);
// {"checkpoint":..,"data":..,"split":..,"step":..,"epoch":..,"rows":..,"loss":..,"top1":..,"top5":..,
//  "classes":[{"name":..,"rows":..,"precision":..,"recall":..,"f1":..}],"confusion":[[..]]}; one line.
// A share with nothing to divide by is null. Beyond 1,000 classes "confusion_cells" stands in place of "confusion": a
// list of [label, prediction, rows] of the cells that are not 0.
std::string format_json(const EvaluationReport& report);

}  // namespace lockstep
