// Datasets in HDF5: group/images (N,H,W,C uint8, uint16 or float32) and group/labels (N integers), attribute
// class_names. Contiguous uncompressed images are read by pread at their file offset; chunked ones (deflate, shuffle)
// through libhdf5 with a chunk cache that holds whole chunks.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "storage/dataset/dataset.h"

namespace lockstep {

struct Hdf5DatasetOptions {
  std::string group = "train";
  std::string images = "images";
  std::string labels = "labels";
  // Read through libhdf5 even where pread would do: the slow twin for tests.
  bool always_through_library = false;
  // Of more values than these the targets are read row by row. (By default 16 MB are held in memory.)
  std::int64_t most_kept_targets = std::int64_t(1) << 22;
  // False: where the file has no mean and deviation they stay empty, and the fingerprint 0, instead of being computed,
  // which reads all rows (normalized, in pixel_statistics.h, does it later).
  bool compute_statistics = true;
  // Side in pixels of the squares that picture files become; 0: what the file says. Of other images it says nothing.
  int size = 0;
};

// Opens one split, without HDF5 file locking. Checks shapes, lengths of images and labels, label range, limits and the
// features we refuse (external storage and links, soft links, virtual datasets, unknown filters); all faults at once.
// Mean and deviation are read from the attributes `mean` and `deviation` of `images`, or computed.
// Errors: bad_data; kNotFound when the file is there but has no such group.
StatusOr<std::unique_ptr<Dataset>> open_hdf5_dataset(const std::filesystem::path& path,
                                                     const Hdf5DatasetOptions& options);

// How the images of a split are stored: "contiguous", or "chunks of 83x28x28x1, shuffle, deflate 4". Errors: as above.
StatusOr<std::string> hdf5_layout(const std::filesystem::path& path, const Hdf5DatasetOptions& options);

// Names of the groups that hold a split, in file order. Errors: bad_data.
StatusOr<std::vector<std::string>> list_splits(const std::filesystem::path& path);

// What list_splits passes over though it may be meant as a split, in words, one of each: links that are followed
// nowhere, since they lead out of the file, to another name, or back to where they are. Errors: bad_data.
StatusOr<std::vector<std::string>> links_passed_over(const std::filesystem::path& path);

}  // namespace lockstep
