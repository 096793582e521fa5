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
  const Scope network{.tensors = {{"image", input}}, .outer = nullptr};
  result.logits = forward(model_.layer(), "", input, network, training).values;
  add_loss(slice, result.logits, 1, result);
  if (!training) return result;
  const int correct = result.correct;
  for (const AuxiliaryLoss& auxiliary : options_.auxiliary) {
    add_loss(slice, outputs_.at(auxiliary.layer).values, double(auxiliary.weight), result);
  }
  result.correct = correct;
  return result;
}

void NaiveNetwork::add_loss(const Slice& slice, const std::vector<double>& all_logits, double weight,
                            NaiveResult& result) const {
  const std::size_t classes = std::size_t(options_.classes);
  const double smoothing = double(options_.loss.label_smoothing);
  for (std::size_t row = 0; row < slice.targets.size(); ++row) {
    const double* logits = all_logits.data() + row * classes;
    const double largest = *std::max_element(logits, logits + classes);
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) sum += std::exp(logits[k] - largest);
    const std::size_t label = std::size_t(slice.targets[row]);
    for (std::size_t k = 0; k < classes; ++k) {
      const double target = (k == label ? 1 - smoothing : 0) + smoothing / double(classes);
      result.loss_sum -= weight * target * (logits[k] - largest - std::log(sum));
    }
    result.correct += std::size_t(std::max_element(logits, logits + classes) - logits) == label;
  }
}

NaiveTensor NaiveNetwork::forward(const Layers& layers, const std::string& prefix, NaiveTensor input,
                                  const Scope& outer, bool training) {
  Scope scope{.tensors = {}, .outer = &outer};
  for (const proto::Layer& layer : layers) {
    std::vector<NaiveTensor> inputs;
    for (const std::string& name : layer.input()) inputs.push_back(scope.at(name));
    if (inputs.empty()) inputs.push_back(input);
    input = forward(layer, prefix + layer.name(), inputs, scope, training);
    scope.tensors[layer.name()] = input;
    outputs_[prefix + layer.name()] = input;
  }
  return input;
}

const NaiveTensor& NaiveNetwork::Scope::at(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found != tensors.end()) return found->second;
  CHECK(outer != nullptr, "no {}", name);
  return outer->at(name);
}

NaiveTensor NaiveNetwork::forward(const proto::Layer& layer, const std::string& name,
                                  const std::vector<NaiveTensor>& inputs, const Scope& scope, bool training) {
  const NaiveTensor& input = inputs[0];
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
      const NaiveTensor sum = naive_add({forward(layer.residual().body(), name + "/", input, scope, training),
                                         forward(layer.residual().shortcut(), name + "/", input, scope, training)});
      return layer.residual().relu() ? naive_elementwise(sum, relu) : sum;
    }
    case proto::Layer::kAdd:
      return naive_add(inputs);
    case proto::Layer::kConcatenate:
      return naive_concatenate(inputs);
    case proto::Layer::kMultiply:
      return naive_multiply(inputs[0], inputs[1]);
    case proto::Layer::kUpsampling:
      return naive_upsampling(layer.upsampling(), input);
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
  const bool is_frozen = options_.is_frozen && options_.is_frozen(name + "/scale");
  if (training && !is_frozen) {
    naive_statistics(input, mean, variance);
    statistics[mean_name] = mean;
    statistics[variance_name] = variance;
    const double count = double(input.rows) * input.height * input.width;
    for (double& unbiased : statistics[variance_name]) unbiased *= count > 1 ? count / (count - 1) : 1;
  }
  return naive_batch_norm(spec, input, mean, variance, values.at(name + "/scale"), values.at(name + "/shift"));
}

}  // namespace lockstep
