#include "tests/trainer/nn/network_under_test.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <google/protobuf/text_format.h>

namespace lockstep {
namespace {

std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('/') + 1);
}

}  // namespace

Rows random_rows(const NetworkOptions& options, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Rows rows;
  rows.images.resize(std::size_t(options.slice_rows) * options.image.elements());
  for (float& pixel : rows.images) pixel = normal(generator);
  for (int row = 0; row < options.slice_rows; ++row) {
    rows.labels.push_back((row + int(seed)) % options.classes);
    rows.indices.push_back(row);
  }
  return rows;
}

NetworkUnderTest::NetworkUnderTest(const std::string& text, const NetworkOptions& options) {
  CHECK(google::protobuf::TextFormat::ParseFromString(text, &model), "not a model: {}", text);
  Faults faults;
  resolve_model(options.classes, model, faults);
  if (faults.empty()) network = Network::build(model, options, faults);
  CHECK(network != nullptr, "{}", std::string(faults.status("model").message()));
  gradient_array = AlignedArray(network->gradient_elements());
}

void NetworkUnderTest::randomize(std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  PlainTensors tensors;
  for (const TensorInfo& tensor : network->parameters()) {
    const std::size_t elements = std::size_t(plain_elements(tensor));
    const float fan_in = float(elements) / float(tensor.shape[0]);
    const float deviation = tensor.is_weights ? 1 / std::sqrt(fan_in) : 0.3F;
    const float center = last_part(tensor.name) == "scale" ? 1.0F : 0.0F;
    for (std::size_t i = 0; i < elements; ++i) {
      tensors[tensor.name].push_back(center + deviation * normal(generator));
    }
  }
  set_parameters(tensors);
  PlainTensors statistics;
  for (const TensorInfo& tensor : network->buffers()) {
    for (std::int64_t i = 0; i < plain_elements(tensor); ++i) {
      const float value = normal(generator);
      statistics[tensor.name].push_back(last_part(tensor.name) == "running_variance" ? std::exp(value / 2) : value);
    }
  }
  set_buffers(statistics);
}

PlainTensors NetworkUnderTest::plain(std::span<const float> arena) const {
  PlainTensors tensors;
  for (const TensorInfo& tensor : network->parameters()) {
    tensors[tensor.name].resize(std::size_t(plain_elements(tensor)));
    network->to_plain(tensor, arena, tensors[tensor.name]);
  }
  return tensors;
}

PlainTensors NetworkUnderTest::buffers() const {
  PlainTensors tensors;
  for (const TensorInfo& tensor : network->buffers()) {
    const auto values = network->buffer_values().subspan(tensor.offset, std::size_t(plain_elements(tensor)));
    tensors[tensor.name].assign(values.begin(), values.end());
  }
  return tensors;
}

void NetworkUnderTest::set_parameters(const PlainTensors& tensors) {
  for (const TensorInfo& tensor : network->parameters()) {
    network->from_plain(tensor, tensors.at(tensor.name), network->parameter_values());
  }
  network->parameters_changed();
}

void NetworkUnderTest::set_buffers(const PlainTensors& tensors) {
  for (const TensorInfo& tensor : network->buffers()) {
    std::ranges::copy(tensors.at(tensor.name), network->buffer_values().subspan(tensor.offset).begin());
  }
}

SliceResult NetworkUnderTest::train(const Rows& rows, float loss_scale) {
  float* const array = gradient_array.data();
  return network->train_slice(rows.slice(), loss_scale, 1,
                              {.arrays = {&array, 1}, .elements = gradient_array.size(), .add = false}, {});
}

NaiveNetwork NetworkUnderTest::naive() const {
  NaiveNetwork twin(model, network->options());
  for (const PlainTensors& tensors : {parameters(), buffers()}) {
    for (const auto& [name, values] : tensors) twin.values[name].assign(values.begin(), values.end());
  }
  return twin;
}

}  // namespace lockstep
