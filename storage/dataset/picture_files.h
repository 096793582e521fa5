// Rows that are stored as the bytes of picture files, one behind the other, and decoded when they are read.
//
// In place of the array `images` there is a group of that name (README.md of this folder has the format).
// Threads: const after opening; read_window() may be called from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/descriptor.h"
#include "storage/base/hdf5.h"
#include "storage/base/status.h"
#include "storage/dataset/dataset.h"
#include "storage/dataset/hdf5_checks.h"

namespace lockstep {

class PictureFiles {
 public:
  // `group`: what stands in the place of the images; `where` names it. What is wrong goes to `faults`: then the result
  // is empty. `side`: of the squares that pictures become; 0: what the file says. Requires: the caller holds
  // hdf5_lock().
  static std::optional<PictureFiles> open(const Hdf5File& file, const Hdf5Group& group, std::string_view where,
                                          int side, DataFaults& faults);

  std::int64_t rows() const { return std::int64_t(shapes_.size()); }
  ImageShape image() const { return image_; }
  std::uint64_t digest() const { return digest_; }
  // "1,200 JPEG, 3 PNG of 80 x 100 to 4000 x 3000 pixels".
  std::string layout_text() const;

  // As Dataset::picture and Dataset::read_window.
  ImageShape picture(std::int64_t row) const;
  Status read_window(std::int64_t row, const Window& window, std::span<std::byte> out) const;

 private:
  PictureFiles() = default;

  Descriptor file_;
  std::uint64_t begin_ = 0;  // of the bytes, in the file
  std::vector<std::uint64_t> offsets_;
  std::vector<std::array<std::int32_t, 2>> shapes_;  // height, width
  std::map<std::uint8_t, std::int64_t> formats_;     // rows of each
  ImageShape image_;
  std::array<std::uint8_t, 3> background_ = {255, 255, 255};
  std::uint64_t digest_ = 0;
};

// One such row, as a writer takes it.
struct PictureFile {
  std::string_view bytes;
  std::uint8_t format = 0;  // ImageFormat
  std::int32_t height = 0, width = 0, channels = 0;
};

// Writes the group. Threads: one thread per object, which holds hdf5_lock().
class PictureFilesWriter {
 public:
  // Empty when the library fails. `bytes`: of all files together.
  static std::optional<PictureFilesWriter> create(hid_t split, std::int64_t rows, std::uint64_t bytes, ImageShape image,
                                                  std::array<std::uint8_t, 3> background);
  hid_t group() const { return group_.get(); }
  // The next rows. False when the library fails. Requires: not more rows and bytes than were said.
  bool append(std::span<const PictureFile> files);
  // After the last one.
  bool finish();

 private:
  PictureFilesWriter() = default;

  Hdf5Group group_;
  Hdf5DatasetId bytes_, offsets_, shapes_, formats_;
  std::int64_t done_ = 0;
  std::uint64_t done_bytes_ = 0;
  std::uint64_t digest_ = 0;
};

}  // namespace lockstep
