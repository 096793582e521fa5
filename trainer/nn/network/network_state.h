// What a Network is made of: for the two files that build and run it.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"
#include "trainer/nn/network/network.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {

// An array of our own, or of the caller's where it was moved to.
class MovableArray {
 public:
  MovableArray() = default;
  explicit MovableArray(std::size_t elements) : own_(elements), values_(own_.span()) {}
  void move(std::span<float> memory) {
    CHECK(memory.size() == values_.size(), "{} elements, expected {}", memory.size(), values_.size());
    std::copy(values_.begin(), values_.end(), memory.begin());
    values_ = memory;
    own_ = AlignedArray();
  }
  std::span<float> span() const { return values_; }

 private:
  AlignedArray own_;
  std::span<float> values_;
};

struct Network::State {
  State(const NetworkOptions& wanted, Faults& faults) : options(wanted), builder(options, memory, faults) {
    options.loss.outputs = options.classes;
    options.loss.pixels = static_cast<int>(options.image.pixels());
  }

  // False after a fault. The object must not move afterwards: steps hold pointers into it.
  bool build(proto::Model& model);
  void check_output(const Activation& output, std::string path, std::string_view which);
  void check_mask_output(const Activation& output, std::string path, std::string_view which);
  bool check(const proto::Model& model);
  bool is_admitted();
  NetworkSizes sizes() const;
  void note_lifetimes();
  void note_watermarks();
  void initialize(proto::Initialization kind);
  void initialize(proto::Initialization kind, const TensorList& list, std::span<float> arena) const;
  void point_to_values();
  void point_to_images(const Slice& slice);
  void point_to_gradients(const SumTarget& gradients);
  void zero_unwritten(float* gradients) const;
  const onednn::Descriptor& layout_of(const TensorInfo& tensor) const;
  void to_plain(const TensorInfo& tensor, std::span<const float> arena, std::span<float> plain) const;
  void from_plain(const TensorInfo& tensor, std::span<const float> plain, std::span<float> arena) const;
  void run(Step& step, const Pass& pass) const;
  void run(std::vector<Step>& steps, const Pass& pass) const {
    for (Step& step : steps) run(step, pass);
  }
  std::size_t logits_elements() const { return std::size_t(options.slice_rows) * options.loss.output_values(); }
  std::span<const float> logits(std::size_t output) const {
    return {memory.data(outputs[output].values), logits_elements()};
  }
  SliceResult run_loss(const Slice& slice, float loss_scale) const;

  NetworkOptions options;
  MemoryPlan memory;
  Builder builder;
  Program program;
  std::vector<std::size_t> watermarks;  // by step of backward: gradients from there on are put when it has run
  std::vector<LayerSummary> summary;
  std::function<void()> after_step;
  // What the loss reads: (slice_rows, output_values()) in rows, of the last layer and then of options.auxiliary.
  std::vector<Activation> outputs;
  MovableArray values;
  MovableArray frozen;
  AlignedArray buffers;
};

}  // namespace lockstep
