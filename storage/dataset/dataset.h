// A Dataset is one split: N images of one shape and N labels.
//
// Threads: read() may be called from one thread at a time per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

enum class PixelType { kUint8, kFloat32 };

struct ImageShape {
  int channels = 0;
  int height = 0;
  int width = 0;
  std::size_t elements() const { return std::size_t(channels) * std::size_t(height) * std::size_t(width); }
  bool operator==(const ImageShape&) const = default;
};

struct DatasetInfo {
  std::int64_t rows = 0;
  ImageShape image;
  PixelType pixel_type = PixelType::kUint8;
  std::vector<std::string> class_names;  // size: number of classes; "0", "1", ... when the file names none
  // Per channel, over all pixels of all rows; a uint8 pixel counts as value / 255.
  std::vector<float> mean;
  std::vector<float> deviation;          // standard deviation; 1 where it would be 0
  std::size_t decompressed_per_row = 0;  // bytes, rows read in random order: 0 for plain rows, or all chunks are cached
  // Of shape, pixel type, class names, statistics and labels: tells whether a resumed job sees the same data.
  std::uint64_t fingerprint = 0;
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetInfo& info() const = 0;
  // Labels of all rows, each in [0, classes).
  virtual std::span<const std::int32_t> labels() const = 0;
  // Pixels of the given rows as stored, (height, width, channels) each, one after another.
  // Requires: rows in [0, info().rows); out.size() == rows.size() * image bytes. Allocates nothing after the first
  // call.
  virtual Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) = 0;
};

std::size_t bytes_per_pixel(PixelType type);
std::string_view pixel_type_name(PixelType type);  // "uint8" or "float32"

// DatasetInfo.fingerprint: XXH3 (64 bits) of everything else in `info` but decompressed_per_row, and of the labels.
std::uint64_t dataset_fingerprint(const DatasetInfo& info, std::span<const std::int32_t> labels);

// The names of classes that have none: "0", "1", ...
std::vector<std::string> numbered_class_names(std::size_t classes);

// Limits of any dataset, so that a damaged header cannot ask for absurd memory.
inline constexpr std::int64_t kRowLimit = std::int64_t(1) << 40;
inline constexpr std::int64_t kImageElementLimit = std::int64_t(1) << 28;
inline constexpr std::int64_t kClassLimit = std::int64_t(1) << 20;

}  // namespace lockstep
