// The slow twin of trainer/nn: forward passes of single layers in double, in plain loops over (rows, channels, height,
// width), written from the definitions in proto/model.proto. No thought is given to speed.
#pragma once

#include <cstddef>
#include <vector>

#include "proto/model.pb.h"

namespace lockstep {

// Features, after flatten and the like, are images of one pixel.
struct NaiveTensor {
  NaiveTensor() = default;
  NaiveTensor(int n, int c, int h, int w)
      : rows(n), channels(c), height(h), width(w), values(std::size_t(n) * std::size_t(c * h * w)) {}

  std::size_t index(int row, int channel, int y, int x) const {
    return ((std::size_t(row) * std::size_t(channels) + std::size_t(channel)) * std::size_t(height) + std::size_t(y)) *
               std::size_t(width) +
           std::size_t(x);
  }
  double& at(int row, int channel, int y, int x) { return values[index(row, channel, y, x)]; }
  double at(int row, int channel, int y, int x) const { return values[index(row, channel, y, x)]; }
  bool inside(int y, int x) const { return y >= 0 && y < height && x >= 0 && x < width; }

  int rows = 0;
  int channels = 0;
  int height = 0;
  int width = 0;
  std::vector<double> values;
};

// bias may be empty.
NaiveTensor naive_convolution(const proto::Convolution& spec, const NaiveTensor& input,
                              const std::vector<double>& weights, const std::vector<double>& bias);
NaiveTensor naive_dense(const proto::Dense& spec, const NaiveTensor& input, const std::vector<double>& weights,
                        const std::vector<double>& bias);
NaiveTensor naive_max_pooling(const proto::Pooling& spec, const NaiveTensor& input);
NaiveTensor naive_average_pooling(const proto::Pooling& spec, const NaiveTensor& input);
NaiveTensor naive_global_pooling(const NaiveTensor& input);
NaiveTensor naive_flatten(NaiveTensor input);
NaiveTensor naive_add(const std::vector<NaiveTensor>& inputs);
NaiveTensor naive_concatenate(const std::vector<NaiveTensor>& inputs);
// The second may have one value a channel.
NaiveTensor naive_multiply(NaiveTensor first, const NaiveTensor& second);

NaiveTensor naive_upsampling(const proto::Upsampling& spec, const NaiveTensor& input);

// Mean and biased variance per channel, over rows and positions.
void naive_statistics(const NaiveTensor& input, std::vector<double>& mean, std::vector<double>& variance);
NaiveTensor naive_batch_norm(const proto::BatchNorm& spec, const NaiveTensor& input, const std::vector<double>& mean,
                             const std::vector<double>& variance, const std::vector<double>& scale,
                             const std::vector<double>& shift);

template <typename Function>
NaiveTensor naive_elementwise(NaiveTensor input, Function function) {
  for (double& value : input.values) value = function(value);
  return input;
}

}  // namespace lockstep
