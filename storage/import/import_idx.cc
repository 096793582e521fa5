#include "storage/import/import_idx.h"

#include <algorithm>

#include "storage/dataset/hdf5_writer.h"
#include "storage/import/idx.h"

namespace lockstep {
namespace {

constexpr std::size_t kBatchBytes = std::size_t(4) << 20;

struct OpenSplit {
  std::string name;
  IdxReader images;
  IdxReader labels;
};

// Opens both files; every fault becomes a line.
std::optional<OpenSplit> open_split(const IdxSplit& split, std::vector<std::string>& faults) {
  auto images = IdxReader::open(split.images);
  auto labels = IdxReader::open(split.labels);
  const auto require = [&](bool condition, std::string fault) {
    if (!condition) faults.push_back(std::move(fault));
    return condition;
  };
  bool good = require(images.ok(), std::string(images.status().message()));
  good = require(labels.ok(), std::string(labels.status().message())) && good;
  if (images.ok()) {
    const auto& dims = images->dims();
    good = require(dims.size() == 3 || dims.size() == 4,
                   fmt::format("{}: expected images of 3 or 4 dimensions, got {} ({}); is it the file of labels?",
                               split.images.native(), dims.size(), fmt::join(dims, "x"))) &&
           good;
  }
  if (labels.ok()) {
    const auto& dims = labels->dims();
    good = require(dims.size() == 1,
                   fmt::format("{}: expected labels of 1 dimension, got {} ({}); is it the file of images?",
                               split.labels.native(), dims.size(), fmt::join(dims, "x"))) &&
           good;
  }
  if (!good) return std::nullopt;
  if (!require(images->dims()[0] == labels->dims()[0],
               fmt::format("{} has {} rows but {} has {}: expected one label an image; do they belong together?",
                           split.images.native(), images->dims()[0], split.labels.native(), labels->dims()[0]))) {
    return std::nullopt;
  }
  return OpenSplit{split.name, *std::move(images), *std::move(labels)};
}

Status copy_split(OpenSplit& split, const IdxImport& import, Hdf5DatasetWriter& writer) {
  const auto& dims = split.images.dims();
  const std::int64_t rows = dims[0];
  const ImageShape image{dims.size() == 4 ? int(dims[3]) : 1, int(dims[1]), int(dims[2])};
  RETURN_IF_ERROR(writer.begin_split(split.name, rows, image, PixelType::kUint8));
  const auto batch = std::clamp<std::int64_t>(std::int64_t(kBatchBytes / split.images.row_bytes()), 1, rows);
  std::vector<std::byte> pixels(std::size_t(batch) * split.images.row_bytes());
  std::vector<std::byte> label_bytes(std::size_t(batch), std::byte{0});
  std::vector<std::int32_t> labels;
  for (std::int64_t done = 0; done < rows;) {
    const auto count = std::size_t(std::min(batch, rows - done));
    const std::span<std::byte> part(pixels.data(), count * split.images.row_bytes());
    const std::span<std::byte> part_labels(label_bytes.data(), count);
    RETURN_IF_ERROR(split.images.read(part));
    RETURN_IF_ERROR(split.labels.read(part_labels));
    labels.clear();
    for (const std::byte label : part_labels) labels.push_back(std::to_integer<std::int32_t>(label));
    RETURN_IF_ERROR(writer.append(part, labels));
    done += std::int64_t(count);
    if (import.progress) import.progress(split.name, done, rows);
  }
  RETURN_IF_ERROR(split.images.expect_end());
  return split.labels.expect_end();
}

}  // namespace

Status import_idx(const IdxImport& import, const std::filesystem::path& path) {
  std::vector<std::string> faults;
  std::vector<OpenSplit> splits;
  for (const IdxSplit& split : import.splits) {
    if (auto opened = open_split(split, faults)) splits.push_back(*std::move(opened));
  }
  for (const OpenSplit& split : splits) {
    const auto &dims = split.images.dims(), &first = splits[0].images.dims();
    if (!std::equal(dims.begin() + 1, dims.end(), first.begin() + 1, first.end())) {
      faults.push_back(fmt::format("{} has images of {} but {} has {}: expected the same shape in every split",
                                   splits[0].name, fmt::join(first.begin() + 1, first.end(), "x"), split.name,
                                   fmt::join(dims.begin() + 1, dims.end(), "x")));
    }
  }
  if (!faults.empty()) return bad_data(fmt::format("{}", fmt::join(faults, "\n")));
  ASSIGN_OR_RETURN(const auto writer, Hdf5DatasetWriter::create(path, {import.class_names, import.compress_level}));
  for (OpenSplit& split : splits) {
    const Status status = copy_split(split, import, *writer);
    if (!status.ok()) return with_context(status, path.native());
  }
  return writer->finish();
}

}  // namespace lockstep
