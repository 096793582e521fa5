// Masks: pictures whose pixels are numbers, each that of a class.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/image/image.h"
#include "storage/image/resize.h"

namespace lockstep {

// Numbers are those in the files, 0 to 65535.
struct MaskOptions {
  std::vector<std::string> names;  // of the classes; empty: they are numbered
  std::vector<int> values;         // the number of each class, in order; empty: 0, 1, ... up to the largest there is
  std::optional<int> ignored;      // the number of pixels that count nowhere
};

inline constexpr int kLargestMaskValue = 65535;

// Classes for numbers of pixels.
class MaskClasses {
 public:
  // Requires: as many values as names, or no values; each of 0 to kLargestMaskValue, none twice.
  explicit MaskClasses(const MaskOptions& options);
  // The classes of a mask, as targets (storage/task/target.h) of a picture that `fit` brought to height x width:
  // nearest neighbour; what lies in the background counts nowhere. Errors: bad_data, in words that follow the name of
  // the file: "has the value 7 at x 30, y 12: ..."; `to` is then undefined.
  // Requires: height * width targets.
  Status put(const Image& mask, int height, int width, Fit fit, std::span<float> to) const;

 private:
  Status fault(const Image& mask, std::size_t pixel) const;

  std::vector<float> classes_;  // by number; kNoClass: of none
  std::size_t count_ = 0;
  std::string expected_;
};

// The largest number of a pixel that is to be counted; -1: there is none. Requires: a mask, as decode_indices has it.
int largest_value(const Image& mask, std::optional<int> ignored);

}  // namespace lockstep
