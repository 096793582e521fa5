// The one place that finds where a dataset contradicts itself, or the checkpoint that it is read for: what cannot be so
// is refused, what can hardly be meant is a warning.
//
// What one structure shows is refused when a file is opened (hdf5_split: unwritten chunks, labels out of range,
// statistics that no pixels of integers have). Here is what needs the pixels, or two things side by side. It costs a
// sample of the pixels (pixel_sample.h), so one process of a job does it for all.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/dataset/dataset.h"
#include "storage/dataset/pixel_sample.h"

namespace lockstep {

// A split that was looked at.
struct ExaminedSplit {
  std::string file;
  std::string group;
  std::string images;  // "images" and "labels", the names in the group
  std::string labels;
  Dataset* rows = nullptr;
  PixelSample sample;
};

// Errors: those of Dataset::read.
StatusOr<ExaminedSplit> examine_split(std::string file, std::string group, std::string images, std::string labels,
                                      Dataset& rows);

// What a network learns from, or has learned from: the rows that it reads later must be of the same kind.
struct LearnedRows {
  std::string name;  // "group train", "the checkpoint"
  ImageShape image;
  TargetKind target = TargetKind::kClass;
  std::vector<std::string> class_names;
  std::vector<std::string> units;  // of numbers; empty: not known
  std::vector<float> mean, deviation;
  // Where they are known: the type, and the smallest and largest pixel of a sample.
  std::optional<PixelType> pixel_type;
  float smallest = 0, largest = 0;
};

struct Findings {
  std::vector<std::string> faults;  // the figures would be wrong for sure
  std::vector<std::string> warnings;
};

// Of the splits of one file; a network learns from the first, and is judged by the others. Requires: one split or more.
Findings find_contradictions(std::span<const ExaminedSplit> splits);
LearnedRows learned_from(const ExaminedSplit& split);
// Of rows beside what a network has learned from.
Findings find_contradictions(const ExaminedSplit& split, const LearnedRows& learned);

// OK, or one bad_data with all faults.
Status fault_status(const Findings& findings);

}  // namespace lockstep
