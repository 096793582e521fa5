// One split of an HDF5 file, opened and checked: everything about it that can be known without reading the pixels.
// Requires: the caller holds hdf5_lock().
#pragma once

#include <string>
#include <vector>

#include "storage/dataset/hdf5_checks.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/hdf5_sources.h"
#include "storage/dataset/picture_files.h"

namespace lockstep {

struct Hdf5Split {
  std::string name;  // "data.h5: train/images", for messages
  DatasetInfo info;  // mean and deviation are empty when the file has none; no fingerprint yet
  Hdf5File file;
  StoredArray images;
  std::optional<PictureFiles> pictures;  // in place of images
  StoredArray labels;
  RowSources sources;
  std::optional<double> ignored;    // of masks: as stored, of pixels that count nowhere
  std::vector<float> kept_targets;  // of all rows; empty when they are more than options.most_kept_targets
};

// Errors: as open_hdf5_dataset.
StatusOr<Hdf5Split> open_hdf5_split(const std::filesystem::path& path, const Hdf5DatasetOptions& options);

}  // namespace lockstep
