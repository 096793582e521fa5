// Rows sorted by what they are to be, with some of each to look at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

// The rows of a class, those that have a label, or a pixel of a class; those without a label; or of numbers a tenth of
// all rows, from the smallest values of the first number to the largest.
struct RowGroup {
  std::string name;                 // of the class or label; of numbers "3.1 to 4.5 years"
  std::string note;                 // of numbers which tenth, "age, 0 to 10 %"; else empty
  std::int64_t number = -1;         // of the class or label; -1: it is none
  std::int64_t rows = 0;            // that belong to it
  std::vector<std::int64_t> shown;  // at most `each` of these, from the first to the last; of numbers by value
};

// In the order of the classes; a row with several labels is in several groups. Requires: each at least 1. Errors: those
// of read_targets.
StatusOr<std::vector<RowGroup>> group_rows(Dataset& dataset, int each);

}  // namespace lockstep
