// The Builder is what a layer sees while the network is built. A layer checks that it fits, asks for memory and
// parameters, and hands over Steps: what to do in the forward pass, in the backward pass, in evaluation, and after the
// parameters have changed. What comes out is a Program: four flat lists, run again and again.
//
// Once a fault was found nothing more is built, but the following layers are still checked: they take the shape that
// the faulty one would have given.
//
// Threads: one thread per object.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/text_proto.h"
#include "trainer/nn/graph/layer_summary.h"
#include "trainer/nn/graph/network_options.h"
#include "trainer/nn/kernels/instruction_set.h"
#include "trainer/nn/kernels/onednn.h"
#include "trainer/nn/plans/memory_plan.h"
#include "trainer/tensor/sum_target.h"
#include "trainer/tensor/tensor.h"

namespace lockstep {

// What one row is at some point of the network.
struct Shape {
  std::int64_t channels = 0;
  std::int64_t height = 1;
  std::int64_t width = 1;
  bool flat = false;  // values, no longer an image: after flatten, global pooling or dense

  std::int64_t values() const { return channels * height * width; }
  std::string text() const;  // "64 x 16 x 16"; "1024" when flat
  bool operator==(const Shape&) const = default;
};

// A value as one of its readers gets it: the values, and the gradient of the loss with respect to them as far as it
// goes through this reader, in one layout. The layout may still be that of an image when the shape is flat.
struct Activation {
  Shape shape;
  onednn::Descriptor layout{};
  Slot values = Slot::kNone;
  Slot gradient = Slot::kNone;  // none when no parameter that is trained lies before it

  bool wants_gradient() const { return gradient != Slot::kNone; }
};

struct Parameter {
  std::string name;
  onednn::Descriptor layout{};
  Slot values = Slot::kNone;
  Slot gradient = Slot::kNone;  // of a frozen one an array of our own that nobody reads
};

// The tensors of an arena, and how each begins.
struct TensorList {
  std::vector<TensorInfo> tensors;
  std::vector<onednn::Descriptor> layouts;
  std::vector<float> initials;  // of those that are no weights

  std::size_t elements() const { return arena_elements(tensors); }
};

// What a step may need to know of the slice it works on.
struct Pass {
  std::span<const std::int64_t> rows;
  std::int64_t epoch = 0;
  float statistics_scale = 1;
  SumTarget gradients = {};  // then statistics
};

// One kernel or loop of a pass.
struct Step {
  std::function<void(const Pass&)> run;
  // All arrays that it touches: they decide how long each must keep its place.
  std::vector<Slot> slots;
  // Offsets of the parameters whose gradients it makes.
  std::vector<std::size_t> gradients = {};
  std::string kernel = "own loop";
  bool is_slow = false;     // see StepTime
  std::string layout = {};  // of what it writes
  std::string pass = {};    // filled in when it is added, unless it says more than that
  std::int64_t flops = 0;   // of one run, by the direct algorithm
  std::string layer = {};   // filled in when it is added
  std::int64_t runs = 0;
  double seconds = 0;

  // The same step with more said about it.
  Step as(std::string its_pass, std::int64_t its_flops) const;
};

struct Program {
  std::vector<Step> forward;   // training
  std::vector<Step> backward;  // in the order in which it runs
  std::vector<Step> evaluate;
  std::vector<Step> refresh;         // after the parameters changed
  std::vector<Step> refresh_frozen;  // after the frozen ones did
};

// A memory argument of a primitive: DNNL_ARG_..., layout, slot.
struct Argument {
  int name = 0;
  onednn::Descriptor layout{};
  Slot slot = Slot::kNone;
};

class Builder {
 public:
  // All outlive the Builder and what it builds. With faults of before nothing is built.
  Builder(const NetworkOptions& options, MemoryPlan& memory, Faults& faults);

  const NetworkOptions& options() const { return options_; }
  MemoryPlan& memory() { return memory_; }
  std::int64_t rows() const { return options_.slice_rows; }
  // Of activations, their gradients, and weights as kernels read them.
  onednn::Type type() const {
    return options_.precision == Precision::kBf16 && has_bf16() ? onednn::Type::bf16 : onednn::Type::f32;
  }

  // The layer being built: its path in the model ("model.layer[2]"), its name ("residual_1/convolution_1"), and the
  // names of those that it reads.
  void begin_layer(std::string path, std::string name, std::vector<std::string> inputs = {});
  const std::string& path() const { return path_; }
  const std::string& name() const { return name_; }
  // `field` is appended to the layer's path, as ".convolution.kernel".
  void fault(std::string_view field, std::string_view message);
  bool faulty() const { return faulty_; }
  // Whether oneDNN's kernels can index an array of so many elements; a fault if not. `what` as "the weights".
  bool check_size(std::string_view field, std::string_view what, double elements);

  // The images of the slice, in the caller's memory.
  Activation input();
  // New memory for an array of this layout.
  Slot array(const onednn::Descriptor& layout) { return memory_.add(onednn::floats_of(layout)); }
  // New memory for values and, if wanted, their gradient.
  Activation activation(const Shape& shape, const onednn::Descriptor& layout, bool wants_gradient);
  // New memory for values that are made of those of `input` one by one, as their gradients: over them where nobody
  // reads them again.
  Activation elementwise(const Activation& input);
  // The same activation in another layout: itself when it has it, else a copy made by a reorder in both directions.
  // There is one copy a layout. To be called before the layer's own steps.
  Activation in_layout(const Activation& from, const onednn::Descriptor& layout);
  // All in the layout of the first, as far as dimensions meet; else as matrices. Requires: one shape.
  std::vector<Activation> in_one_layout(const std::vector<Activation>& from);
  // The same activation as (rows, values) in rows.
  Activation as_matrix(const Activation& from);

  // Whether the layer's parameter of this name is to be trained. If none is, the layer makes no gradients of
  // parameters.
  bool is_trained(std::string_view tensor) const;
  // A tensor of the parameter arena, or of that of the frozen ones: "<layer>/<tensor>". `shape` is the plain one. It
  // starts as `initial`, or random when it is weights.
  Parameter parameter(std::string_view tensor, std::vector<std::int64_t> shape, const onednn::Descriptor& layout,
                      bool is_weights, float initial);
  // Values of a parameter in the layout and type that a primitive wants, refreshed when the parameters change.
  Slot parameter_in_layout(const Parameter& parameter, const onednn::Descriptor& layout);
  // A running statistic of `channels` values: where evaluation reads it (`buffer`), and where the forward pass puts
  // this slice's part behind the gradients of all parameters (`offset` within that).
  struct Statistic {
    Slot buffer;
    std::size_t offset;
  };
  Statistic statistic(std::string_view tensor, std::int64_t channels, float momentum, float initial);
  // The same of a frozen layer: it stays as it is.
  Slot frozen_statistic(std::string_view tensor, std::int64_t channels, float initial);

  // A primitive as a step. A workspace or scratchpad is an argument like the others; the scratchpad is added here.
  Step operation(const onednn::PrimitiveDescriptor& descriptor, const std::vector<Argument>& arguments);
  // A step that writes the gradients of parameters `gradients`. Those of trained ones go where they lie in the array
  // when that is written over; when they are added to sums, they are written to places of their own first. `make` is
  // called for both.
  using MakeStep = std::function<Step(const std::vector<Slot>& places)>;
  Step gradient_step(const std::vector<Slot>& gradients, const MakeStep& make);
  // A primitive as such a step.
  Step gradient_operation(const onednn::PrimitiveDescriptor& descriptor, const std::vector<Argument>& arguments);
  // A reorder as a step.
  Step copy(const onednn::Descriptor& from_layout, Slot from, const onednn::Descriptor& to_layout, Slot to);

  // From here on nothing is for evaluation.
  void end_evaluation() { evaluation_has_ended_ = true; }
  void on_forward(const Step& step);   // training and evaluation
  void on_training(const Step& step);  // forward of training only
  void on_evaluation(const Step& step);
  // Backward steps of one group run in the order given; the groups in reverse.
  void begin_backward_group();
  void on_backward(const Step& step);

  void describe(LayerSummary summary);
  // Whether what a layer of this name gives has to be there after a pass.
  bool is_kept(std::string_view name) const;
  // Says that `value` is what the layer gives.
  void keep(const Activation& value) { kept_.emplace(name_, value); }

  // What was built. Requires: !faulty().
  Program take_program();
  const TensorList& parameters() const { return parameters_; }
  const TensorList& frozen() const { return frozen_; }
  const TensorList& buffers() const { return buffers_; }
  const std::vector<float>& buffer_momenta() const { return buffer_momenta_; }
  const std::map<std::string, Activation, std::less<>>& kept() const { return kept_; }
  std::vector<LayerSummary> take_summary() { return std::move(summary_); }

 private:
  struct Copy {
    Slot original;
    onednn::Descriptor layout;
    Slot copy;
  };
  // None where there is none yet.
  static Slot copy_of(Slot original, const onednn::Descriptor& layout, const std::vector<Copy>& copies);
  void append(const Step& step, std::string_view pass, std::vector<Step>& steps) const;
  // Returns its place in the arena.
  Slot add_tensor(TensorInfo tensor, const onednn::Descriptor& layout, float initial, Arena arena, TensorList& list);
  // An array for the scratchpad of a primitive; none when it needs none.
  Slot scratchpad(const onednn::PrimitiveDescriptor& descriptor);
  Step operation(const onednn::PrimitiveDescriptor& descriptor, const std::vector<Argument>& arguments, Slot scratch);

  const NetworkOptions& options_;
  MemoryPlan& memory_;
  Faults& faults_;
  bool faulty_;
  bool evaluation_has_ended_ = false;
  std::string path_;
  std::string name_;
  std::vector<std::string> inputs_;

  Program program_;
  std::vector<std::vector<Step>> backward_groups_;
  TensorList parameters_;
  TensorList frozen_;  // parameters and statistics
  TensorList buffers_;
  std::vector<float> buffer_momenta_;
  struct GradientPlace {
    std::size_t offset;
    std::size_t elements;
  };
  std::map<Slot, GradientPlace> gradient_places_;
  std::vector<Copy> parameter_copies_;
  std::vector<Copy> value_copies_;
  std::map<std::string, Activation, std::less<>> kept_;
  std::vector<LayerSummary> summary_;
};

}  // namespace lockstep
