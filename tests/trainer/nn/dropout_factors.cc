#include "tests/trainer/nn/dropout_factors.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {

// Of rows that are all zero but one row of ones, and a dense layer of zeros behind,
//   d loss / d weights[k][i] = (p_k - y_k) * factor_i   of that row, with p_k = 1 / classes.
std::vector<double> dropout_factors(const std::string& layer, float rate, NetworkOptions options,
                                    const std::vector<std::int64_t>& rows, std::int64_t epoch,
                                    bool behind_convolution) {
  options.slice_rows = int(rows.size());
  options.classes = 2;
  options.loss.label_smoothing = 0;
  const int channels = options.image.channels;
  const std::string before =
      fmt::format("layer {{ name: 'before' convolution {{ filters: {} kernel: 1 bias: false }} }}", channels);
  NetworkUnderTest network(fmt::format("{} layer {{ name: '{}' dropout {{ rate: {} }} }}"
                                       "layer {{ name: 'head' dense {{ units: 2 }} }}",
                                       behind_convolution ? before : "", layer, rate),
                           options);
  PlainTensors tensors = network.parameters();
  for (auto& [name, values] : tensors) std::ranges::fill(values, 0.0F);
  for (int channel = 0; behind_convolution && channel < channels; ++channel) {
    tensors.at("before/weights")[std::size_t(channel * (channels + 1))] = 1;
  }
  network.set_parameters(tensors);

  std::vector<double> factors;
  const std::size_t elements = options.image.elements();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Rows ones{std::vector<float>(rows.size() * elements, 0.0F), std::vector<float>(rows.size(), 0), rows, epoch};
    std::fill_n(ones.images.begin() + std::ptrdiff_t(row * elements), elements, 1.0F);
    network.train(ones, -2);  // (p_0 - y_0) * -2 = 1
    const PlainTensors gradients = network.gradients();
    factors.insert(factors.end(), gradients.at("head/weights").begin(),
                   gradients.at("head/weights").begin() + std::ptrdiff_t(elements));
  }
  return factors;
}

}  // namespace lockstep
