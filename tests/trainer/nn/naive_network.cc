#include "tests/trainer/nn/naive_network.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "storage/base/status.h"

namespace lockstep {

NaiveResult NaiveNetwork::run(const Slice& slice, bool training) {
  const ImageShape& image = options_.image;
  NaiveTensor input(options_.slice_rows, image.channels, image.height, image.width);
  std::ranges::copy(slice.images, input.values.begin());
  NaiveResult result;
  result.logits = forward(model_.layer(), "", std::move(input), training).values;

  const std::size_t classes = std::size_t(options_.classes);
  const double smoothing = double(options_.label_smoothing);
  for (std::size_t row = 0; row < slice.labels.size(); ++row) {
    const double* logits = result.logits.data() + row * classes;
    const double largest = *std::max_element(logits, logits + classes);
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) sum += std::exp(logits[k] - largest);
    const std::size_t label = std::size_t(slice.labels[row]);
    for (std::size_t k = 0; k < classes; ++k) {
      const double target = (k == label ? 1 - smoothing : 0) + smoothing / double(classes);
      result.loss_sum -= target * (logits[k] - largest - std::log(sum));
    }
    result.correct += std::size_t(std::max_element(logits, logits + classes) - logits) == label;
  }
  return result;
}

NaiveTensor NaiveNetwork::forward(const Layers& layers, const std::string& prefix, NaiveTensor input, bool training) {
  for (const proto::Layer& layer : layers) input = forward(layer, prefix + layer.name(), input, training);
  return input;
}

NaiveTensor NaiveNetwork::forward(const proto::Layer& layer, const std::string& name, const NaiveTensor& input,
                                  bool training) {
  const auto relu = [](double value) { return std::max(value, 0.0); };
  switch (layer.kind_case()) {
    case proto::Layer::kConvolution:
      return naive_convolution(layer.convolution(), input, values[name + "/weights"], values[name + "/bias"]);
    case proto::Layer::kDense:
      return naive_dense(layer.dense(), input, values[name + "/weights"], values[name + "/bias"]);
    case proto::Layer::kBatchNorm:
      return batch_norm(layer.batch_norm(), name, input, training);
    case proto::Layer::kMaxPooling:
      return naive_max_pooling(layer.max_pooling(), input);
    case proto::Layer::kAveragePooling:
      return naive_average_pooling(layer.average_pooling(), input);
    case proto::Layer::kGlobalPooling:
      return naive_global_pooling(input);
    case proto::Layer::kRelu:
      return naive_elementwise(input, relu);
    case proto::Layer::kSigmoid:
      return naive_elementwise(input, [](double value) { return 1 / (1 + std::exp(-value)); });
    case proto::Layer::kTanh:
      return naive_elementwise(input, [](double value) { return std::tanh(value); });
    case proto::Layer::kDropout: {
      if (!training) return input;
      const std::vector<double>& factors = dropout_factors.at(name);
      NaiveTensor output = input;
      for (std::size_t i = 0; i < output.values.size(); ++i) output.values[i] *= factors.at(i);
      return output;
    }
    case proto::Layer::kFlatten:
      return naive_flatten(input);
    case proto::Layer::kResidual: {
      NaiveTensor sum = forward(layer.residual().body(), name + "/", input, training);
      const NaiveTensor shortcut = forward(layer.residual().shortcut(), name + "/", input, training);
      CHECK(sum.values.size() == shortcut.values.size(), "{} and {}", sum.values.size(), shortcut.values.size());
      for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += shortcut.values[i];
      return layer.residual().relu() ? naive_elementwise(std::move(sum), relu) : sum;
    }
    case proto::Layer::KIND_NOT_SET:
      break;
  }
  CHECK(false, "layer {} has no kind that the naive network knows", name);
}

NaiveTensor NaiveNetwork::batch_norm(const proto::BatchNorm& spec, const std::string& name, const NaiveTensor& input,
                                     bool training) {
  const std::string mean_name = name + "/running_mean";
  const std::string variance_name = name + "/running_variance";
  std::vector<double> mean = values.at(mean_name);
  std::vector<double> variance = values.at(variance_name);
  if (training) {
    naive_statistics(input, mean, variance);
    statistics[mean_name] = mean;
    statistics[variance_name] = variance;
    const double count = double(input.rows) * input.height * input.width;
    for (double& unbiased : statistics[variance_name]) unbiased *= count > 1 ? count / (count - 1) : 1;
  }
  return naive_batch_norm(spec, input, mean, variance, values.at(name + "/scale"), values.at(name + "/shift"));
}

}  // namespace lockstep
