#include "trainer/nn/network/network.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <utility>

#include "proto/model.pb.h"
#include "trainer/nn/graph/builder.h"
#include "trainer/nn/kernels/reorder.h"
#include "trainer/nn/kernels/thread_team.h"
#include "trainer/nn/losses/loss.h"
#include "trainer/nn/network/build_nodes.h"
#include "trainer/nn/network/initialization.h"
#include "trainer/tensor/flush_to_zero.h"

namespace lockstep {
namespace {

class BuiltNetwork final : public Network {
 public:
  BuiltNetwork(const NetworkOptions& options, Faults& faults)
      : options_(options), builder_(options_, memory_, faults) {}

  // False after a fault. The object must not move afterwards: steps hold pointers into it.
  bool build(proto::Model& model);

  const NetworkOptions& options() const override { return options_; }
  std::span<const TensorInfo> parameters() const override { return builder_.parameters().tensors; }
  std::span<const TensorInfo> frozen() const override { return builder_.frozen().tensors; }
  std::span<const TensorInfo> buffers() const override { return builder_.buffers().tensors; }
  std::span<const LayerSummary> summary() const override { return summary_; }
  std::size_t memory_bytes() const override {
    const NetworkSizes all = sizes();
    return all.own_bytes + (all.parameter_elements + all.frozen_elements) * sizeof(float);
  }
  void move_parameters(std::span<float> trained, std::span<float> frozen) override {
    values_.move(trained);
    frozen_.move(frozen);
    point_to_values();
  }
  std::span<float> parameter_values() override { return values_.span(); }
  std::span<float> frozen_values() override { return frozen_.span(); }
  std::span<float> buffer_values() override { return buffers_.span(); }
  std::size_t gradient_elements() const override { return sizes().gradient_elements; }

  void parameters_changed() override { run(program_.refresh, {}); }
  void frozen_changed() override { run(program_.refresh_frozen, {}); }
  SliceResult train_slice(const Slice& slice, float loss_scale, float statistics_scale, const SumTarget& gradients,
                          const FinalFrom& final_from) override;
  void on_step(std::function<void()> called) override { after_step_ = std::move(called); }
  void update_buffers(std::span<const float> gradients) override;
  SliceResult evaluate_slice(const Slice& slice, int valid_rows) override;
  std::span<const float> logits() const override { return {memory_.data(output_.values), logits_elements()}; }
  std::vector<float> kept_values(std::string_view layer) const override;
  std::vector<StepTime> step_times() const override;
  void clear_step_times() override;
  void to_plain(const TensorInfo& tensor, std::span<const float> arena, std::span<float> plain) const override;
  void from_plain(const TensorInfo& tensor, std::span<const float> plain, std::span<float> arena) const override;

 private:
  using Clock = std::chrono::steady_clock;
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

  void run(Step& step, const Pass& pass) const {
    const Clock::time_point begin = Clock::now();
    step.run(pass);
    step.seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    ++step.runs;
    if (after_step_) after_step_();
  }
  void run(std::vector<Step>& steps, const Pass& pass) const {
    for (Step& step : steps) run(step, pass);
  }
  void note_lifetimes();
  void note_watermarks();
  std::size_t logits_elements() const { return std::size_t(options_.slice_rows) * std::size_t(options_.classes); }
  LossOptions loss_options() const { return {options_.classes, options_.label_smoothing}; }
  bool check_output(const proto::Model& model);
  NetworkSizes sizes() const;
  bool is_admitted();
  void initialize(proto::Initialization kind);
  void initialize(proto::Initialization kind, const TensorList& list, std::span<float> arena);
  void point_to_values();
  void point_to_images(const Slice& slice);
  void point_to_gradients(const SumTarget& gradients);
  void zero_unwritten(float* gradients) const;
  const onednn::Descriptor& layout_of(const TensorInfo& tensor) const;

  NetworkOptions options_;
  MemoryPlan memory_;
  Builder builder_;
  Program program_;
  std::vector<std::size_t> watermarks_;  // by step of backward: gradients from there on are put when it has run
  std::vector<LayerSummary> summary_;
  std::function<void()> after_step_;
  Activation output_;  // (slice_rows, classes) in rows
  MovableArray values_;
  MovableArray frozen_;
  AlignedArray buffers_;
};

bool BuiltNetwork::build(proto::Model& model) {
  output_ = build_nodes(builder_, lower(model, builder_));
  if (!check_output(model)) return false;
  builder_.begin_layer("model", "loss");
  output_ = builder_.as_matrix(output_);
  output_ = builder_.in_layout(output_, onednn::plain(onednn::dims_of(output_.layout)));  // the loss is in fp32
  program_ = builder_.take_program();
  summary_ = builder_.take_summary();
  note_lifetimes();
  note_watermarks();
  memory_.arrange(options_.share_memory);
  if (!is_admitted()) return false;
  if (!options_.runs) return true;
  values_ = MovableArray(builder_.parameters().elements());
  frozen_ = MovableArray(builder_.frozen().elements());
  buffers_ = AlignedArray(builder_.buffers().elements());
  memory_.allocate();
  point_to_values();
  memory_.point(Arena::kBuffers, buffers_.data());
  initialize(model.initialization());
  parameters_changed();
  frozen_changed();
  return true;
}

void BuiltNetwork::note_lifetimes() {
  const auto note = [&](const std::vector<Step>& steps, Sequence sequence, int time) {
    for (const Step& step : steps) {
      for (const Slot slot : step.slots) memory_.use(slot, sequence, time);
      ++time;
    }
    memory_.use(output_.values, sequence, time);
    return time;
  };
  const int loss = note(program_.forward, Sequence::kTraining, 0);
  if (output_.wants_gradient()) memory_.use(output_.gradient, Sequence::kTraining, loss);
  const int trained = note(program_.backward, Sequence::kTraining, loss + 1);
  const int evaluated = note(program_.evaluate, Sequence::kEvaluation, 0);
  for (const auto& [name, value] : builder_.kept()) {
    memory_.use(value.values, Sequence::kTraining, trained);
    memory_.use(value.values, Sequence::kEvaluation, evaluated);
  }
  for (const std::vector<Step>* const steps : {&program_.refresh, &program_.refresh_frozen}) {
    for (const Step& step : *steps) {
      for (const Slot slot : step.slots) memory_.keep(slot);
    }
  }
}

void BuiltNetwork::note_watermarks() {
  std::map<std::size_t, bool> is_put;  // by offset of the parameter
  for (const TensorInfo& tensor : parameters()) is_put[tensor.offset] = false;
  for (const Step& step : program_.backward) {
    for (const std::size_t offset : step.gradients) is_put[offset] = true;
    std::size_t watermark = builder_.parameters().elements();
    for (auto it = is_put.rbegin(); it != is_put.rend() && it->second; ++it) watermark = it->first;
    watermarks_.push_back(watermark);
  }
  CHECK(is_put.empty() || watermarks_.back() == 0, "a gradient is never made");
}

std::vector<float> BuiltNetwork::kept_values(std::string_view layer) const {
  const auto found = builder_.kept().find(layer);
  CHECK(found != builder_.kept().end(), "{} is not kept", layer);
  const Activation& value = found->second;
  std::vector<float> plain(std::size_t(options_.slice_rows) * std::size_t(value.shape.values()));
  reorder_once(value.layout, memory_.data(value.values), onednn::plain(onednn::dims_of(value.layout)), plain.data());
  return plain;
}

std::vector<StepTime> BuiltNetwork::step_times() const {
  std::vector<StepTime> times;
  for (const std::vector<Step>* const steps : {&program_.forward, &program_.backward, &program_.refresh}) {
    for (const Step& step : *steps) {
      times.push_back({.layer = step.layer,
                       .pass = steps == &program_.refresh ? "refresh" : step.pass,
                       .kernel = step.kernel,
                       .is_slow = step.is_slow,
                       .layout = step.layout,
                       .flops = step.flops,
                       .runs = step.runs,
                       .seconds = step.seconds});
    }
  }
  return times;
}

void BuiltNetwork::clear_step_times() {
  for (std::vector<Step>* const steps :
       {&program_.forward, &program_.backward, &program_.evaluate, &program_.refresh}) {
    for (Step& step : *steps) {
      step.runs = 0;
      step.seconds = 0;
    }
  }
}

bool BuiltNetwork::check_output(const proto::Model& model) {
  if (model.layer().empty()) {
    builder_.begin_layer("model", "");
    builder_.fault(".layer", "expected at least one layer, got none");
    return false;
  }
  if (builder_.parameters().tensors.empty() && !builder_.frozen().tensors.empty()) {
    builder_.begin_layer("parameters", "");
    builder_.fault("", "all parameters are frozen: nothing is left to train");
  }
  for (const std::string& name : options_.kept) {
    if (builder_.kept().contains(name)) continue;
    builder_.begin_layer("model", "");
    builder_.fault(".layer", fmt::format("no layer is called {}, of which the values are to be kept", name));
  }
  const Shape& shape = output_.shape;
  if (shape.values() != options_.classes) {
    builder_.begin_layer(fmt::format("model.layer[{}]", model.layer_size() - 1), "");
    builder_.fault("", fmt::format("the last layer must give one value a class: expected {} values a row, got {} ({}); "
                                   "end with dense {{ units: {} }}",
                                   options_.classes, shape.values(), shape.text(), options_.classes));
  }
  return !builder_.faulty();
}

NetworkSizes BuiltNetwork::sizes() const {
  const std::size_t parameter_elements = builder_.parameters().elements();
  const std::size_t buffer_elements = builder_.buffers().elements();
  return {.own_bytes = (memory_.elements() + buffer_elements) * sizeof(float),
          .parameter_elements = parameter_elements,
          .frozen_elements = builder_.frozen().elements(),
          .gradient_elements = parameter_elements + buffer_elements};
}

bool BuiltNetwork::is_admitted() {
  const std::string why_not = options_.admit ? options_.admit(sizes()) : "";
  if (!why_not.empty()) {
    builder_.begin_layer("model", "");
    builder_.fault("", why_not);
  }
  return !builder_.faulty();
}

void BuiltNetwork::initialize(proto::Initialization kind) {
  initialize(kind, builder_.parameters(), values_.span());
  initialize(kind, builder_.frozen(), frozen_.span());
  initialize(kind, builder_.buffers(), buffers_.span());
}

void BuiltNetwork::initialize(proto::Initialization kind, const TensorList& list, std::span<float> arena) {
  std::vector<float> plain;
  for (std::size_t i = 0; i < list.tensors.size(); ++i) {
    const TensorInfo& tensor = list.tensors[i];
    plain.assign(std::size_t(plain_elements(tensor)), list.initials[i]);
    if (tensor.is_weights) initialize_weights(kind, options_.seed, tensor, plain);
    from_plain(tensor, plain, arena);
  }
}

void BuiltNetwork::point_to_values() {
  memory_.point(Arena::kValues, values_.span().data());
  memory_.point(Arena::kFrozen, frozen_.span().data());
}

void BuiltNetwork::point_to_images(const Slice& slice) {
  const std::size_t expected = std::size_t(options_.slice_rows) * options_.image.elements();
  CHECK(slice.images.size() == expected, "{} pixels, expected {}", slice.images.size(), expected);
  CHECK(slice.labels.size() == std::size_t(options_.slice_rows), "{} labels", slice.labels.size());
  // oneDNN takes no constant pointers; no step writes there.
  memory_.point(Arena::kInput, const_cast<float*>(slice.images.data()));
}

void BuiltNetwork::point_to_gradients(const SumTarget& gradients) {
  CHECK(gradients.elements >= gradient_elements(), "{} elements, expected {}", gradients.elements, gradient_elements());
  if (gradients.add) return;
  float* const array = gradients.arrays[0];
  CHECK(reinterpret_cast<std::uintptr_t>(array) % 64 == 0, "gradients are not on a 64-byte boundary");
  memory_.point(Arena::kGradients, array);
}

SliceResult BuiltNetwork::train_slice(const Slice& slice, float loss_scale, float statistics_scale,
                                      const SumTarget& gradients, const FinalFrom& final_from) {
  const FlushToZero flush;
  point_to_images(slice);
  point_to_gradients(gradients);
  if (!gradients.add) zero_unwritten(gradients.arrays[0]);
  const Pass pass = {slice.rows, slice.epoch, statistics_scale, gradients};
  run(program_.forward, pass);
  std::span<float> output_gradient;
  if (output_.wants_gradient()) output_gradient = {memory_.data(output_.gradient), logits_elements()};
  const SliceResult result = softmax_cross_entropy(loss_options(), logits(), slice.labels, loss_scale, output_gradient);
  for (std::size_t i = 0; i < program_.backward.size(); ++i) {
    run(program_.backward[i], pass);
    if (final_from) final_from(watermarks_[i]);
  }
  return result;
}

// What no kernel writes: the rest of each tensor's last cache line.
void BuiltNetwork::zero_unwritten(float* gradients) const {
  for (std::size_t i = 0; i < parameters().size(); ++i) {
    const TensorInfo& tensor = parameters()[i];
    const std::size_t written = onednn::elements_of(builder_.parameters().layouts[i]);
    std::fill_n(gradients + tensor.offset + written, tensor.elements - written, 0.f);
  }
  for (const TensorInfo& tensor : buffers()) {
    const std::size_t written = std::size_t(plain_elements(tensor));
    std::fill_n(gradients + values_.span().size() + tensor.offset + written, tensor.elements - written, 0.f);
  }
}

void BuiltNetwork::update_buffers(std::span<const float> gradients) {
  CHECK(gradients.size() == gradient_elements());
  const std::span<const float> statistics = gradients.subspan(values_.span().size());
  for (std::size_t i = 0; i < buffers().size(); ++i) {
    const TensorInfo& tensor = buffers()[i];
    const float momentum = builder_.buffer_momenta()[i];
    for (std::size_t j = tensor.offset; j < tensor.offset + tensor.elements; ++j) {
      buffers_.data()[j] = (1 - momentum) * buffers_.data()[j] + momentum * statistics[j];
    }
  }
}

SliceResult BuiltNetwork::evaluate_slice(const Slice& slice, int valid_rows) {
  CHECK(valid_rows >= 0 && valid_rows <= options_.slice_rows, "{} rows", valid_rows);
  const FlushToZero flush;
  point_to_images(slice);
  run(program_.evaluate, {slice.rows, slice.epoch, 1, {}});
  const std::size_t rows = std::size_t(valid_rows);
  return softmax_cross_entropy(loss_options(), logits().first(rows * std::size_t(options_.classes)),
                               slice.labels.first(rows), 1, {});
}

const onednn::Descriptor& BuiltNetwork::layout_of(const TensorInfo& tensor) const {
  for (const TensorList* const list : {&builder_.parameters(), &builder_.frozen(), &builder_.buffers()}) {
    const auto found = std::find_if(list->tensors.begin(), list->tensors.end(),
                                    [&](const TensorInfo& known) { return known.name == tensor.name; });
    if (found != list->tensors.end()) return list->layouts[std::size_t(found - list->tensors.begin())];
  }
  CHECK(false, "no tensor is called {}", tensor.name);
  return builder_.parameters().layouts[0];
}

void BuiltNetwork::to_plain(const TensorInfo& tensor, std::span<const float> arena, std::span<float> plain) const {
  CHECK(arena.size() >= tensor.offset + tensor.elements && std::int64_t(plain.size()) == plain_elements(tensor), "{}",
        tensor.name);
  const onednn::Descriptor& layout = layout_of(tensor);
  reorder_once(layout, arena.data() + tensor.offset, onednn::plain(onednn::dims_of(layout)), plain.data());
}

void BuiltNetwork::from_plain(const TensorInfo& tensor, std::span<const float> plain, std::span<float> arena) const {
  CHECK(arena.size() >= tensor.offset + tensor.elements && std::int64_t(plain.size()) == plain_elements(tensor), "{}",
        tensor.name);
  const onednn::Descriptor& layout = layout_of(tensor);
  reorder_once(onednn::plain(onednn::dims_of(layout)), plain.data(), layout, arena.data() + tensor.offset);
}

}  // namespace

std::unique_ptr<Network> Network::build(proto::Model& model, const NetworkOptions& options, Faults& faults) {
  CHECK(options.image.elements() > 0 && options.classes > 0 && options.slice_rows > 0 && options.threads > 0,
        "{} x {} x {}, {} classes, {} rows, {} threads", options.image.channels, options.image.height,
        options.image.width, options.classes, options.slice_rows, options.threads);
  if (const std::string why_not = take_threads(options.threads); !why_not.empty()) {
    faults.add("execution.threads_per_rank", why_not);
    return nullptr;
  }
  auto network = std::make_unique<BuiltNetwork>(options, faults);
  if (!network->build(model)) return nullptr;
  return network;
}

}  // namespace lockstep
