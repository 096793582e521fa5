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

// Of those tensors that are statistics, or are not.
void add_plain(const Network& network, std::span<const TensorInfo> list, std::span<const float> arena, bool statistics,
               PlainTensors& tensors) {
  for (const TensorInfo& tensor : list) {
    if (tensor.is_statistic != statistics) continue;
    tensors[tensor.name].resize(std::size_t(plain_elements(tensor)));
    network.to_plain(tensor, arena, tensors[tensor.name]);
  }
}

void put_plain(Network& network, std::span<const TensorInfo> list, const PlainTensors& tensors, bool statistics,
               std::span<float> arena) {
  for (const TensorInfo& tensor : list) {
    if (tensor.is_statistic == statistics) network.from_plain(tensor, tensors.at(tensor.name), arena);
  }
}

}  // namespace

Rows random_rows(const NetworkOptions& options, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Rows rows;
  rows.images.resize(std::size_t(options.slice_rows) * options.image.elements());
  for (float& pixel : rows.images) pixel = normal(generator);
  for (int row = 0; row < options.slice_rows; ++row) {
    rows.targets.push_back((row + int(seed)) % options.classes);
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
  PlainTensors tensors, statistics;
  const auto draw = [&](const TensorInfo& tensor) {
    const std::size_t elements = std::size_t(plain_elements(tensor));
    std::vector<float>& values = (tensor.is_statistic ? statistics : tensors)[tensor.name];
    if (tensor.is_statistic) {
      for (std::size_t i = 0; i < elements; ++i) {
        const float value = normal(generator);
        values.push_back(last_part(tensor.name) == "running_variance" ? std::exp(value / 2) : value);
      }
      return;
    }
    const float fan_in = float(elements) / float(tensor.shape[0]);
    const float deviation = tensor.is_weights ? 1 / std::sqrt(fan_in) : 0.3F;
    const float center = last_part(tensor.name) == "scale" ? 1.0F : 0.0F;
    for (std::size_t i = 0; i < elements; ++i) values.push_back(center + deviation * normal(generator));
  };
  for (const auto list : {network->parameters(), network->frozen(), network->buffers()})
    std::ranges::for_each(list, draw);
  set_parameters(tensors);
  set_buffers(statistics);
}

PlainTensors NetworkUnderTest::parameters() const {
  PlainTensors tensors;
  add_plain(*network, network->parameters(), network->parameter_values(), false, tensors);
  add_plain(*network, network->frozen(), network->frozen_values(), false, tensors);
  return tensors;
}

PlainTensors NetworkUnderTest::buffers() const {
  PlainTensors tensors;
  add_plain(*network, network->buffers(), network->buffer_values(), true, tensors);
  add_plain(*network, network->frozen(), network->frozen_values(), true, tensors);
  return tensors;
}

PlainTensors NetworkUnderTest::gradients() const {
  PlainTensors tensors;
  add_plain(*network, network->parameters(), gradient_array.span(), false, tensors);
  return tensors;
}

void NetworkUnderTest::set_parameters(const PlainTensors& tensors) {
  put_plain(*network, network->parameters(), tensors, false, network->parameter_values());
  put_plain(*network, network->frozen(), tensors, false, network->frozen_values());
  network->parameters_changed();
  network->frozen_changed();
}

void NetworkUnderTest::set_buffers(const PlainTensors& tensors) {
  put_plain(*network, network->buffers(), tensors, true, network->buffer_values());
  put_plain(*network, network->frozen(), tensors, true, network->frozen_values());
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
