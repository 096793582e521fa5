// Labels of arrays of others: what they are by type, shape and values, and the targets that they become.
//
// All labels of all splits are looked at, so that the classes are the same in each. (rows) or (rows, 1): a class each,
// by number or by text; (rows, labels) of 0 and 1: one-hot where every row has exactly one 1, else several labels;
// (rows, height, width) of the images: masks. Classes that are not numbered from 0 without holes are numbered anew, in
// order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/dataset/dataset.h"
#include "storage/import/hdf5_input.h"
#include "storage/import/import_hdf5.h"

namespace lockstep {

struct LabelOptions {
  LabelMeaning meaning = LabelMeaning::kRecognised;
  std::vector<std::string> names;       // of classes, labels or numbers; empty: numbered, or those of the texts
  std::string names_from;               // where they are from, in words
  std::optional<std::int64_t> ignored;  // of masks: the value of pixels that count nowhere
};

enum class StoredLabels { kText, kColumn, kOneHot, kRow, kMask };

struct LabelPlan {
  StoredLabels stored = StoredLabels::kColumn;
  Target target;
  std::vector<std::vector<float>> texts;  // of texts: the class of each row, an array each; -1: it is empty
  std::vector<double> values;             // in order, the number of each class; empty: the class is the number
  std::optional<double> ignored;
  std::vector<std::string> words;  // what was recognised
};

// Requires: at least one array, and the shape of the images beside it. Errors: io_error, bad_data; what the labels are
// not goes to `faults`, and the plan is then undefined.
StatusOr<LabelPlan> look_at_labels(const std::vector<const Hdf5Array*>& arrays, ImageShape image,
                                   const LabelOptions& options, ImportFaults& faults);

}  // namespace lockstep
