// A checkpoint: everything that a job needs to go on, and that a network needs to be used, in one file.
//
// The file is a 512-byte user block (magic, format version, image length, SHA-256 of the image) and a plain HDF5 file:
// parameters/<layer>/<name>, buffers/<layer>/<name>, optimizer/<slot>/<layer>/<name>, all float32 in plain layout;
// attributes of the root: the scalar fields below by their names; attributes of the group facts: the facts. README.md
// of this folder has the exact format. It is built in memory and written atomically; the digest is checked before
// libhdf5 sees a byte. Threads: functions are independent; libhdf5 is entered under one lock (storage/base/hdf5.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

struct CheckpointTensor {
  std::string path;                 // "parameters/convolution_1/weights"
  std::vector<std::int64_t> shape;  // 1 to 4 extents; plain layout: weights O,I,H,W; dense O,I
  std::vector<float> values;
};

// One evaluation of the run that made a checkpoint. A figure that is not known is no number.
struct CheckpointEvaluation {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  std::int64_t rows = 0;  // 0: not known
  double loss = 0;
  double accuracy = 0;
  bool operator==(const CheckpointEvaluation&) const = default;
};

struct Checkpoint {
  std::string job;                 // resolved job, text proto
  std::int64_t step = 0;           // optimizer steps done
  std::int64_t epoch = 0;          // whole epochs done
  std::optional<double> accuracy;  // on the test split, when it was evaluated at this step
  // All up to this step, steps and epochs rising; none in a file of before they were stored.
  std::optional<std::vector<CheckpointEvaluation>> evaluations;
  std::vector<std::string> class_names;
  std::uint64_t dataset_fingerprint = 0;
  std::map<std::string, std::string> facts;  // lockstep_version, onednn_version, mpi_version, cpu, isa, ...
  // Input of the network, for `lockstep eval` and export: channels, height, width, and normalization per channel.
  std::vector<std::int64_t> image_shape;
  std::vector<float> mean;
  std::vector<float> deviation;
  // Unique paths. They come back group by group, inside a group in the order in which they were written.
  std::vector<CheckpointTensor> tensors;
};

// The whole file as bytes: the same bytes for the same checkpoint and version of libhdf5. Takes as much memory again as
// the file while it runs. Errors: bad_data when the content does not fit the format or memory.
StatusOr<std::string> encode_checkpoint(const Checkpoint& checkpoint);
// Errors: bad_data naming what is wrong (too short, magic, version, length, digest, content).
StatusOr<Checkpoint> decode_checkpoint(std::string_view bytes);
// Only the user block and the digest. Errors: bad_data.
Status verify_checkpoint(std::string_view bytes);
// SHA-256 of the image, as 64 hexadecimal digits. Errors: bad_data, as verify_checkpoint.
StatusOr<std::string> checkpoint_digest(std::string_view bytes);

// Errors: as encode_checkpoint and write_file_atomically (storage/base/file.h).
Status write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
// The bytes of a file that begins as a checkpoint of its length does; no more is read of another one. Errors: as
// read_file_headed (storage/base/file.h); bad_data, without the path, when it is no checkpoint.
StatusOr<std::string> read_checkpoint_bytes(const std::filesystem::path& path);
// Errors: as read_checkpoint_bytes and decode_checkpoint, with the path in front.
StatusOr<Checkpoint> read_checkpoint(const std::filesystem::path& path);

// Largest file that is read or written.
inline constexpr std::size_t kCheckpointLimitBytes = std::size_t(16) << 30;

}  // namespace lockstep
