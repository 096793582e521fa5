// A Network is built once for a fixed slice shape and then runs: forward, loss and backward of one slice, or the
// evaluation of one. It knows nothing of ranks, optimizers or files.
//
// Parameters live in one arena, in forward order, each in the layout its backward-weights kernel writes; gradients in
// an array of the same layout that the caller passes, followed by the batch-norm statistics of the slice. Backward runs
// in reverse, so finished gradients are always a suffix. Frozen parameters, and the statistics of frozen batch norms,
// live in an arena of their own that no pass writes to.
//
// Errors: build() reports every layer that does not fit as a fault at its path in the model.
// Threads: one thread per object, the one that built it (oneDNN in library mode).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"
#include "storage/base/text_proto.h"
#include "trainer/nn/graph/layer_summary.h"
#include "trainer/nn/graph/network_options.h"
#include "trainer/nn/losses/loss.h"
#include "trainer/tensor/sum_target.h"
#include "trainer/tensor/tensor.h"

namespace lockstep {

namespace proto {
class Model;  // proto/model.pb.h
}

// One kernel or loop of a training step, and the time spent in it since the last clear_step_times().
struct StepTime {
  std::string layer;
  std::string pass;        // forward, data or weights (the two of backward), backward, reorder, refresh
  std::string kernel;      // oneDNN's name for it
  bool is_slow = false;    // it is a plain loop, or a convolution as a copy and a matrix product
  std::string layout;      // of what it writes
  std::int64_t flops = 0;  // of one run, by the direct algorithm
  std::int64_t runs = 0;
  double seconds = 0;
};

// One slice of training rows. images: (slice_rows, C, H, W) normalized; targets: slice_rows times what a row
// has, as LossOptions::target_values says.
// rows: a number for each row, with the epoch the key of dropout. blended: of training alone.
struct Slice {
  std::span<const float> images;
  std::span<const float> targets;
  std::span<const std::int64_t> rows;
  std::int64_t epoch = 0;
  Blended blended = {};
};

class Network {
 public:
  // `model` has been resolved (names and defaults filled; see resolve_model below). Writes the algorithms chosen into
  // it. Adds to `faults` and returns null when a layer does not fit; paths start with "model."; or when the environment
  // forbids the threads (thread_team.h): then at "execution.threads_per_rank". With faults of before, as of
  // resolve_model, it only looks for more.
  static std::unique_ptr<Network> build(proto::Model& model, const NetworkOptions& options, Faults& faults);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  const NetworkOptions& options() const;
  std::span<const TensorInfo> parameters() const;  // trained
  std::span<const TensorInfo> frozen() const;      // parameters, and statistics
  std::span<const TensorInfo> buffers() const;     // running mean and variance, plain
  std::span<const LayerSummary> summary() const;
  // Of all arrays it owns: parameters, buffers, activations and their gradients, scratchpad.
  std::size_t memory_bytes() const;

  // Moves the parameters, trained and frozen, to memory of the caller's, on 64 bytes and of the same sizes. It may be
  // shared between processes: each writes the same bits there.
  void move_parameters(std::span<float> trained, std::span<float> frozen);

  // The arenas. After parameter_values() was written to, call parameters_changed() before the next pass; after
  // frozen_values(), frozen_changed().
  std::span<float> parameter_values();
  std::span<float> frozen_values();
  std::span<float> buffer_values();
  void parameters_changed();
  void frozen_changed();

  // Elements of the array that train_slice puts: gradients (parameter_values().size()), then statistics.
  std::size_t gradient_elements() const;

  // Forward and backward. The loss is that of the last layer, with those of NetworkOptions::auxiliary times their
  // weights. Puts d(loss_scale * sum over rows of loss)/d(parameter) and the batch-norm statistics of this slice times
  // statistics_scale, tensor by tensor as each is known. Between the kernels of backward it calls final_from(offset),
  // if there is one: the gradients of parameters from there on are put. The last offset is 0.
  // Requires: gradients.elements >= gradient_elements(). Allocates nothing of its own.
  using FinalFrom = std::function<void(std::size_t offset)>;
  SliceResult train_slice(const Slice& slice, float loss_scale, float statistics_scale, const SumTarget& gradients,
                          const FinalFrom& final_from);

  // Moves the running statistics towards the mean statistics found in `gradients` after the reduction.
  void update_buffers(std::span<const float> gradients);

  // Called after each kernel of every pass, for whoever wants to know that work goes on. Must not allocate or wait.
  void on_step(std::function<void()> called);

  // Forward with running statistics and no dropout. The first valid_rows rows count; outputs of all rows are in
  // logits() afterwards, (slice_rows, classes) plain, of masks (slice_rows, classes, H, W).
  SliceResult evaluate_slice(const Slice& slice, int valid_rows);
  std::span<const float> logits() const;

  // What a layer of NetworkOptions::kept gave in the last pass: (slice_rows, C, H, W) or (slice_rows, values), plain.
  std::vector<float> kept_values(std::string_view layer) const;

  // Of training: forward, backward and refresh, in order.
  std::vector<StepTime> step_times() const;
  void clear_step_times();

  // Copies one tensor between an array laid out as its arena (values; of trained ones also gradients or optimizer
  // state) and its plain layout. Requires: plain.size() == plain_elements(tensor).
  void to_plain(const TensorInfo& tensor, std::span<const float> arena, std::span<float> plain) const;
  void from_plain(const TensorInfo& tensor, std::span<const float> plain, std::span<float> arena) const;

 private:
  struct State;
  explicit Network(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The built-in networks, each with the shape it is usually trained on.
struct ZooModel {
  std::string name;
  ImageShape image;
  int classes = 0;
};
std::vector<ZooModel> zoo_models();
std::vector<std::string> zoo_names();

// Replaces model.zoo by its layers, gives every layer a name and fills defaults: `classes` of them where a dense layer
// says no units. A layer without a name is called by
// its kind and number, as "convolution_3": counted along the chain, or along body and then shortcut of a residual
// block. Faults: both zoo and layers, or neither; an unknown zoo name; names that occur twice, or are not made of
// letters, digits, '_', '-' and '.'. A resolved model is left as it is. False: there are no layers to look at.
bool resolve_model(int classes, proto::Model& model, Faults& faults);

}  // namespace lockstep
