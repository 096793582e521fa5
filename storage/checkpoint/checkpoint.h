// A checkpoint: everything that a job needs to go on, and that a network needs to be used, in one file.
//
// The file is a 512-byte user block (magic, format version, image length, SHA-256 of the image) and a plain HDF5 file:
// parameters/<layer>/<name>, buffers/<layer>/<name>, optimizer/<slot>/<layer>/<name>, all float32 in plain layout;
// attributes of the root: the scalar fields below by their names; of the groups facts, metrics and final_test: the
// facts, all evaluations, and the last one of the test split. README.md of this folder has the exact format. It is
// built in memory and written atomically; the digest is checked before libhdf5 sees a byte. Threads: functions are
// independent; libhdf5 is entered under one lock (storage/base/hdf5.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"
#include "storage/task/metric.h"

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
  std::vector<MetricValue> metrics = {};  // but the loss; the first is what counted
  double value(std::string_view metric) const { return metric == "loss" ? loss : metric_value(metrics, metric); }
  bool operator==(const CheckpointEvaluation&) const = default;
};

struct Checkpoint {
  std::string job;                 // resolved job, text proto; empty: a network alone
  std::string model;               // resolved model, text proto; empty in a file of version 1: the job has it
  std::int64_t step = 0;           // optimizer steps done
  std::int64_t epoch = 0;          // whole epochs done
  std::optional<double> accuracy;  // of the evaluation at this step, where there was one; of one class a row
  // All up to this step, steps rising, epochs not falling; none in a file of before they were stored.
  std::optional<std::vector<CheckpointEvaluation>> evaluations;
  // Of the test split, at the end of training, where something else was chosen by.
  std::optional<CheckpointEvaluation> final_test;
  TargetKind target = TargetKind::kClass;
  std::vector<std::string> class_names;              // of the classes, labels or numbers
  std::vector<std::string> units;                    // of numbers, where they are known
  std::vector<float> target_mean, target_deviation;  // of numbers, over the training rows
  std::uint64_t dataset_fingerprint = 0;
  std::map<std::string, std::string> facts;  // lockstep_version, onednn_version, mpi_version, cpu, isa, ...
  // Input of the network, for `lockstep eval` and export: channels, height, width, and normalization per channel.
  std::vector<std::int64_t> image_shape;
  std::vector<float> mean;
  std::vector<float> deviation;
  // Unique paths. They come back group by group, inside a group in the order in which they were written.
  std::vector<CheckpointTensor> tensors;

  Target whole_target() const {
    const bool has_shape = image_shape.size() == 3;
    const std::size_t pixels = has_shape ? std::size_t(image_shape[1]) * std::size_t(image_shape[2]) : 1;
    return {target, class_names, units, target_mean, target_deviation, pixels};
  }
  // What was evaluated at this step; null: nothing was.
  const CheckpointEvaluation* evaluation() const {
    return evaluations && !evaluations->empty() && evaluations->back().step == step ? &evaluations->back() : nullptr;
  }
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
