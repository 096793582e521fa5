// A checkpoint file: a 512-byte user block (magic, format version, image length, SHA-256 of the image), then a plain
// HDF5 file. Built in memory, written atomically; the digest is checked before libhdf5 sees a byte.
// Layout inside: parameters/<layer>/<name>, buffers/<layer>/<name>, optimizer/<slot>/<layer>/<name>, all float32 in
// plain layout; attributes of the root: job (resolved text proto), step, epoch, class_names, and the facts below.
// Threads: functions are independent; libhdf5 is entered under one lock (storage/base/hdf5_lock.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

struct CheckpointTensor {
  std::string path;                 // "parameters/convolution_1/weights"
  std::vector<std::int64_t> shape;  // plain layout: weights O,I,H,W; dense O,I
  std::vector<float> values;
};

struct Checkpoint {
  std::string job;               // resolved job, text proto
  std::int64_t step = 0;         // optimizer steps done
  std::int64_t epoch = 0;        // whole epochs done
  std::optional<double> accuracy;  // on the test split, when it was evaluated at this step
  std::vector<std::string> class_names;
  std::uint64_t dataset_fingerprint = 0;
  std::map<std::string, std::string> facts;  // lockstep_version, onednn_version, mpi_version, cpu, isa, ...
  // Input of the network, for `lockstep eval` and export: channels, height, width, and normalization per channel.
  std::vector<std::int64_t> image_shape;
  std::vector<float> mean;
  std::vector<float> deviation;
  std::vector<CheckpointTensor> tensors;
};

// The whole file as bytes: the same bytes for the same checkpoint.
StatusOr<std::string> encode_checkpoint(const Checkpoint& checkpoint);
// Errors: bad_data naming what is wrong (too short, magic, version, length, digest, content).
StatusOr<Checkpoint> decode_checkpoint(std::string_view bytes);
// Only the user block and the digest. Errors: bad_data.
Status verify_checkpoint(std::string_view bytes);
// SHA-256 of the image, as 64 hexadecimal digits. Errors: bad_data.
StatusOr<std::string> checkpoint_digest(std::string_view bytes);

Status write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
StatusOr<Checkpoint> read_checkpoint(const std::filesystem::path& path);

// Largest file that is read or written.
inline constexpr std::size_t kCheckpointLimitBytes = std::size_t(16) << 30;

}  // namespace lockstep
