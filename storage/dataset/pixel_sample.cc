#include "storage/dataset/pixel_sample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <xxhash.h>

#include "storage/dataset/pixel_statistics.h"

namespace lockstep {
namespace {

constexpr std::int64_t kPieces = 64;
constexpr std::size_t kMostNotFinite = 8;
constexpr std::size_t kMostDecompressed = std::size_t(1) << 30;  // bytes, of whole chunks: some seconds

struct Range {
  float smallest = std::numeric_limits<float>::infinity();
  float largest = -std::numeric_limits<float>::infinity();
  bool finite = true;
};

template <typename Pixel>
Range range_of_integers(std::span<const std::byte> row) {
  Pixel smallest = std::numeric_limits<Pixel>::max(), largest = 0;
  for (std::size_t at = 0; at < row.size(); at += sizeof(Pixel)) {
    Pixel pixel;
    std::memcpy(&pixel, row.data() + at, sizeof pixel);
    smallest = std::min(smallest, pixel);
    largest = std::max(largest, pixel);
  }
  constexpr float kScale = std::numeric_limits<Pixel>::max();
  return {float(smallest) / kScale, float(largest) / kScale, true};
}

Range range_of_floats(std::span<const std::byte> row) {
  Range range;
  for (std::size_t at = 0; at < row.size(); at += sizeof(float)) {
    float pixel;
    std::memcpy(&pixel, row.data() + at, sizeof pixel);
    if (!std::isfinite(pixel)) {
      range.finite = false;
      continue;
    }
    range.smallest = std::min(range.smallest, pixel);
    range.largest = std::max(range.largest, pixel);
  }
  return range;
}

Range range_of(PixelType type, std::span<const std::byte> row) {
  switch (type) {
    case PixelType::kUint8:
      return range_of_integers<std::uint8_t>(row);
    case PixelType::kUint16:
      return range_of_integers<std::uint16_t>(row);
    case PixelType::kFloat32:
      return range_of_floats(row);
  }
  CHECK(false, "no pixel type {}", int(type));
}

struct Piece {
  std::int64_t first = 0, rows = 0;
};

// The whole of a small split; of a large one as many pieces as there may be, evenly spread from end to end.
std::vector<Piece> pieces_of(std::int64_t rows, std::size_t row_bytes) {
  const auto budget = std::clamp<std::int64_t>(std::int64_t(kPixelSampleBytes / row_bytes), kPieces, kPixelSampleRows);
  const std::int64_t size = budget / kPieces;
  std::vector<Piece> pieces;
  if (rows <= budget) {
    for (std::int64_t first = 0; first < rows; first += size) pieces.push_back({first, std::min(size, rows - first)});
    return pieces;
  }
  for (std::int64_t i = 0; i < kPieces; ++i) {
    pieces.push_back({std::int64_t(double(rows - size) * double(i) / double(kPieces - 1)), size});
  }
  return pieces;
}

// Reading one row of a large chunk inflates the whole of it: so many pieces may be read.
std::size_t affordable_pieces(const DatasetInfo& info) {
  if (info.decompressed_per_row == 0) return std::size_t(-1);
  return std::max<std::size_t>(2, kMostDecompressed / info.decompressed_per_row);
}

class Sampler {
 public:
  explicit Sampler(Dataset& dataset)
      : dataset_(dataset),
        row_bytes_(dataset.info().image.elements() * bytes_per_pixel(dataset.info().pixel_type)),
        statistics_(dataset.info().image, dataset.info().pixel_type) {}

  StatusOr<PixelSample> run() {
    ASSIGN_OR_RETURN(const bool has_all_pieces,
                     for_each_sampled_piece(dataset_, [&](std::int64_t first, std::span<const std::byte> pixels) {
                       take(first, pixels);
                     }));
    return finish(has_all_pieces);
  }

 private:
  void take(std::int64_t first, std::span<const std::byte> pixels) {
    statistics_.add(pixels);
    hash_ = XXH3_64bits_withSeed(pixels.data(), pixels.size(), hash_);
    for (std::size_t at = 0; at < pixels.size(); at += row_bytes_) look_at(first++, pixels.subspan(at, row_bytes_));
  }

  void look_at(std::int64_t row, std::span<const std::byte> pixels) {
    const Range range = range_of(dataset_.info().pixel_type, pixels);
    range_.smallest = std::min(range_.smallest, range.smallest);
    range_.largest = std::max(range_.largest, range.largest);
    if (!range.finite && sample_.not_finite.size() < kMostNotFinite) sample_.not_finite.push_back(row);
    const bool flat = range.finite && range.smallest == range.largest;
    sample_.flat_at_end = flat ? sample_.flat_at_end + 1 : 0;
    if (flat && sample_.flat_rows++ == 0) sample_.first_flat_row = row;
    ++sample_.rows;
  }

  PixelSample finish(bool has_all_pieces) {
    if (range_.smallest <= range_.largest) {
      sample_.smallest = range_.smallest;
      sample_.largest = range_.largest;
    }
    sample_.mean = statistics_.mean();
    sample_.deviation = statistics_.deviation();
    if (has_all_pieces) sample_.hash = hash_;
    return std::move(sample_);
  }

  Dataset& dataset_;
  std::size_t row_bytes_;
  PixelStatistics statistics_;
  std::uint64_t hash_ = 0;  // of each piece, seeded with that of those before
  PixelSample sample_;
  Range range_;
};

}  // namespace

StatusOr<bool> for_each_sampled_piece(Dataset& dataset,
                                      const std::function<void(std::int64_t, std::span<const std::byte>)>& take) {
  const DatasetInfo& info = dataset.info();
  const std::size_t row_bytes = info.image.elements() * bytes_per_pixel(info.pixel_type);
  const std::vector<Piece> pieces = pieces_of(info.rows, row_bytes);
  const std::size_t wanted = std::min(pieces.size(), affordable_pieces(info));
  std::vector<std::int64_t> rows;
  std::vector<std::byte> pixels;
  for (std::size_t i = 0; i < wanted; ++i) {
    const Piece& piece = pieces[wanted == 1 ? 0 : i * (pieces.size() - 1) / (wanted - 1)];
    rows.resize(std::size_t(piece.rows));
    std::iota(rows.begin(), rows.end(), piece.first);
    pixels.resize(rows.size() * row_bytes);
    RETURN_IF_ERROR(dataset.read(rows, pixels));
    take(piece.first, pixels);
  }
  return wanted == pieces.size();
}

StatusOr<PixelSample> sample_pixels(Dataset& dataset) {
  return Sampler(dataset).run();
}

}  // namespace lockstep
