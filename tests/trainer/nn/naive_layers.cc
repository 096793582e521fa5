#include "tests/trainer/nn/naive_layers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "storage/base/status.h"

namespace lockstep {
namespace {

// One direction, vertical or horizontal, of a window that moves over an image.
struct Axis {
  int kernel;
  int stride;
  int dilation;
  int before;  // padding
  int outputs;

  // Where tap `tap` of output `output` lies in the input; outside of it means padding.
  int position(int output, int tap) const { return output * stride + tap * dilation - before; }
};

int element(const google::protobuf::RepeatedField<int>& field, int axis, int otherwise) {
  if (field.empty()) return otherwise;
  return field.size() == 1 ? field.Get(0) : field.Get(axis);
}

template <typename Spec>
Axis make_axis(const Spec& spec, int which, int input, int stride, int dilation) {
  Axis axis{element(spec.kernel(), which, 1), stride, dilation, 0, 0};
  const int reach = (axis.kernel - 1) * dilation + 1;
  int total = 0;
  if (spec.border_case() == Spec::kPaddingPixels) {
    axis.before = spec.padding_pixels();
    total = 2 * spec.padding_pixels();
  } else if (spec.border_case() == Spec::kPadding && spec.padding() == proto::SAME) {
    total = std::max(0, ((input + stride - 1) / stride - 1) * stride + reach - input);
    axis.before = total / 2;
  }
  axis.outputs = (input + total - reach) / stride + 1;
  return axis;
}

Axis convolution_axis(const proto::Convolution& spec, int which, int input) {
  return make_axis(spec, which, input, element(spec.stride(), which, 1), spec.dilation());
}

Axis pooling_axis(const proto::Pooling& spec, int which, int input) {
  return make_axis(spec, which, input, element(spec.stride(), which, element(spec.kernel(), which, 1)), 1);
}

// Calls visit(y, x, tap) for every tap of the window of output (out_y, out_x) that lies inside the image.
template <typename Visit>
void for_each_tap(const NaiveTensor& input, const Axis& vertical, const Axis& horizontal, int out_y, int out_x,
                  Visit visit) {
  for (int tap_y = 0; tap_y < vertical.kernel; ++tap_y) {
    for (int tap_x = 0; tap_x < horizontal.kernel; ++tap_x) {
      const int y = vertical.position(out_y, tap_y);
      const int x = horizontal.position(out_x, tap_x);
      if (input.inside(y, x)) visit(y, x, tap_y * horizontal.kernel + tap_x);
    }
  }
}

// Sets every element of the output to value(row, channel, y, x).
template <typename Value>
void fill(NaiveTensor& output, Value value) {
  for (int row = 0; row < output.rows; ++row) {
    for (int channel = 0; channel < output.channels; ++channel) {
      for (int y = 0; y < output.height; ++y) {
        for (int x = 0; x < output.width; ++x) output.at(row, channel, y, x) = value(row, channel, y, x);
      }
    }
  }
}

}  // namespace

NaiveTensor naive_convolution(const proto::Convolution& spec, const NaiveTensor& input,
                              const std::vector<double>& weights, const std::vector<double>& bias) {
  const Axis vertical = convolution_axis(spec, 0, input.height);
  const Axis horizontal = convolution_axis(spec, 1, input.width);
  const int group_inputs = input.channels / spec.groups();
  const int group_filters = spec.filters() / spec.groups();
  const int taps = vertical.kernel * horizontal.kernel;
  NaiveTensor output(input.rows, spec.filters(), vertical.outputs, horizontal.outputs);
  fill(output, [&](int row, int filter, int out_y, int out_x) {
    double sum = bias.empty() ? 0 : bias[std::size_t(filter)];
    const int first_channel = filter / group_filters * group_inputs;
    for (int channel = 0; channel < group_inputs; ++channel) {
      const double* kernel = weights.data() + (filter * group_inputs + channel) * taps;
      for_each_tap(input, vertical, horizontal, out_y, out_x,
                   [&](int y, int x, int tap) { sum += kernel[tap] * input.at(row, first_channel + channel, y, x); });
    }
    return sum;
  });
  return output;
}

NaiveTensor naive_dense(const proto::Dense& spec, const NaiveTensor& input, const std::vector<double>& weights,
                        const std::vector<double>& bias) {
  const std::size_t inputs = input.values.size() / std::size_t(input.rows);
  NaiveTensor output(input.rows, spec.units(), 1, 1);
  fill(output, [&](int row, int unit, int, int) {
    double sum = bias.empty() ? 0 : bias[std::size_t(unit)];
    for (std::size_t i = 0; i < inputs; ++i) {
      sum += weights[std::size_t(unit) * inputs + i] * input.values[std::size_t(row) * inputs + i];
    }
    return sum;
  });
  return output;
}

NaiveTensor naive_max_pooling(const proto::Pooling& spec, const NaiveTensor& input) {
  const Axis vertical = pooling_axis(spec, 0, input.height);
  const Axis horizontal = pooling_axis(spec, 1, input.width);
  NaiveTensor output(input.rows, input.channels, vertical.outputs, horizontal.outputs);
  fill(output, [&](int row, int channel, int out_y, int out_x) {
    double largest = -std::numeric_limits<double>::infinity();
    for_each_tap(input, vertical, horizontal, out_y, out_x,
                 [&](int y, int x, int) { largest = std::max(largest, input.at(row, channel, y, x)); });
    return largest;
  });
  return output;
}

NaiveTensor naive_average_pooling(const proto::Pooling& spec, const NaiveTensor& input) {
  const Axis vertical = pooling_axis(spec, 0, input.height);
  const Axis horizontal = pooling_axis(spec, 1, input.width);
  NaiveTensor output(input.rows, input.channels, vertical.outputs, horizontal.outputs);
  fill(output, [&](int row, int channel, int out_y, int out_x) {
    double sum = 0;
    int pixels = 0;
    for_each_tap(input, vertical, horizontal, out_y, out_x, [&](int y, int x, int) {
      sum += input.at(row, channel, y, x);
      ++pixels;
    });
    return sum / pixels;
  });
  return output;
}

NaiveTensor naive_global_pooling(const NaiveTensor& input) {
  NaiveTensor output(input.rows, input.channels, 1, 1);
  fill(output, [&](int row, int channel, int, int) {
    double sum = 0;
    for (int y = 0; y < input.height; ++y) {
      for (int x = 0; x < input.width; ++x) sum += input.at(row, channel, y, x);
    }
    return sum / (input.height * input.width);
  });
  return output;
}

NaiveTensor naive_flatten(NaiveTensor input) {
  input.channels *= input.height * input.width;
  input.height = input.width = 1;
  return input;
}

NaiveTensor naive_add(const std::vector<NaiveTensor>& inputs) {
  NaiveTensor sum = inputs[0];
  for (std::size_t input = 1; input < inputs.size(); ++input) {
    CHECK(inputs[input].values.size() == sum.values.size(), "input {}", input);
    for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += inputs[input].values[i];
  }
  return sum;
}

NaiveTensor naive_concatenate(const std::vector<NaiveTensor>& inputs) {
  int channels = 0;
  for (const NaiveTensor& input : inputs) channels += input.channels;
  NaiveTensor all(inputs[0].rows, channels, inputs[0].height, inputs[0].width);
  int first = 0;
  for (const NaiveTensor& input : inputs) {
    for (int row = 0; row < input.rows; ++row) {
      for (int c = 0; c < input.channels; ++c) {
        for (int y = 0; y < input.height; ++y) {
          for (int x = 0; x < input.width; ++x) all.at(row, first + c, y, x) = input.at(row, c, y, x);
        }
      }
    }
    first += input.channels;
  }
  return all;
}

NaiveTensor naive_multiply(NaiveTensor first, const NaiveTensor& second) {
  const bool by_channel = second.values.size() != first.values.size();
  for (int row = 0; row < first.rows; ++row) {
    for (int c = 0; c < first.channels; ++c) {
      for (int y = 0; y < first.height; ++y) {
        for (int x = 0; x < first.width; ++x) {
          first.at(row, c, y, x) *= by_channel ? second.at(row, c, 0, 0) : second.at(row, c, y, x);
        }
      }
    }
  }
  return first;
}

NaiveTensor naive_upsampling(const proto::Upsampling& spec, const NaiveTensor& input) {
  const int down = element(spec.scale(), 0, 1);
  const int across = element(spec.scale(), 1, 1);
  NaiveTensor output(input.rows, input.channels, input.height * down, input.width * across);
  if (spec.mode() == proto::NEAREST) {
    fill(output, [&](int row, int channel, int y, int x) { return input.at(row, channel, y / down, x / across); });
    return output;
  }
  // Where the centre of an output lies among the centres of the inputs, not beyond the outermost ones.
  const auto place = [](int position, int scale, int size) {
    return std::clamp((position + 0.5) / scale - 0.5, 0.0, double(size - 1));
  };
  fill(output, [&](int row, int channel, int out_y, int out_x) {
    const double y = place(out_y, down, input.height);
    const double x = place(out_x, across, input.width);
    double sum = 0;
    for (int from_y = 0; from_y < input.height; ++from_y) {
      for (int from_x = 0; from_x < input.width; ++from_x) {
        const double weight = std::max(0.0, 1 - std::abs(y - from_y)) * std::max(0.0, 1 - std::abs(x - from_x));
        sum += weight * input.at(row, channel, from_y, from_x);
      }
    }
    return sum;
  });
  return output;
}

void naive_statistics(const NaiveTensor& input, std::vector<double>& mean, std::vector<double>& variance) {
  const double count = double(input.rows) * input.height * input.width;
  const auto channel_mean = [&](int channel, auto term) {
    double sum = 0;
    for (int row = 0; row < input.rows; ++row) {
      for (int y = 0; y < input.height; ++y) {
        for (int x = 0; x < input.width; ++x) sum += term(input.at(row, channel, y, x));
      }
    }
    return sum / count;
  };
  mean.clear();
  variance.clear();
  for (int channel = 0; channel < input.channels; ++channel) {
    const double center = channel_mean(channel, [](double value) { return value; });
    mean.push_back(center);
    variance.push_back(channel_mean(channel, [&](double value) { return (value - center) * (value - center); }));
  }
}

NaiveTensor naive_batch_norm(const proto::BatchNorm& spec, const NaiveTensor& input, const std::vector<double>& mean,
                             const std::vector<double>& variance, const std::vector<double>& scale,
                             const std::vector<double>& shift) {
  NaiveTensor output = input;
  fill(output, [&](int row, int channel, int y, int x) {
    const std::size_t c = std::size_t(channel);
    const double normal = (input.at(row, channel, y, x) - mean[c]) / std::sqrt(variance[c] + double(spec.epsilon()));
    const double value = normal * scale[c] + shift[c];
    return spec.relu() ? std::max(value, 0.0) : value;
  });
  return output;
}

}  // namespace lockstep
