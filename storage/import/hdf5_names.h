// Which arrays of files of others are images, labels and names of classes, by what they are called. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "storage/import/hdf5_input.h"

namespace lockstep {

// Places in the list of arrays.
struct FoundPair {
  std::string split;  // "train", "validation", "test"; empty: the names say none
  std::size_t images = 0, labels = 0;
};

struct FoundNames {
  std::vector<FoundPair> pairs;     // in that order
  std::vector<std::string> doubts;  // why the pairs are not to be taken: "images of train: mine.h5: x, mine.h5: data"
};

// Arrays whose names consist of words such as X_train, test/labels, data, train_set_y. Of several files the names of
// the files tell the split, where those of the arrays do not: valid_x.h5.
FoundNames find_pairs(const std::vector<ListedArray>& arrays);

// Lists of strings that are called list_classes, class_names or the like.
std::vector<std::size_t> find_class_names(const std::vector<ListedArray>& arrays);

// All of them, a line each; "  train/x  50000x32x32x3  uint8". Of several files with these.
std::string arrays_text(const std::vector<ListedArray>& arrays);

}  // namespace lockstep
