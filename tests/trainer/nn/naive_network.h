// The slow twin of Network: the same model, run in double by naive_layers.h. Values of parameters and buffers are kept
// by name in plain layout, so that a test can nudge any of them and look at the loss.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/model.pb.h"
#include "tests/trainer/nn/naive_layers.h"
#include "trainer/nn/network/network.h"

namespace lockstep {

struct NaiveResult {
  double loss_sum = 0;
  int correct = 0;
  std::vector<double> logits;  // (rows, classes)
};

class NaiveNetwork {
 public:
  // `model` has been resolved.
  NaiveNetwork(proto::Model model, const NetworkOptions& options) : model_(std::move(model)), options_(options) {}

  // Parameters and buffers, by the names that Network gives them.
  std::map<std::string, std::vector<double>> values;
  // Factors of each dropout layer while training, for all rows; by layer name.
  std::map<std::string, std::vector<double>> dropout_factors;
  // Mean and unbiased variance of the last train(), by the names of the buffers they move.
  std::map<std::string, std::vector<double>> statistics;

  NaiveResult train(const Slice& slice) { return run(slice, true); }
  NaiveResult evaluate(const Slice& slice) { return run(slice, false); }

 private:
  using Layers = google::protobuf::RepeatedPtrField<proto::Layer>;
  // What the layers of a list gave, and those around it.
  struct Scope {
    std::map<std::string, NaiveTensor> tensors;
    const Scope* outer = nullptr;
    const NaiveTensor& at(const std::string& name) const;
  };

  NaiveResult run(const Slice& slice, bool training);
  void add_loss(const Slice& slice, const std::vector<double>& logits, double weight, NaiveResult& result) const;
  NaiveTensor forward(const Layers& layers, const std::string& prefix, NaiveTensor input, const Scope& outer,
                      bool training);
  NaiveTensor forward(const proto::Layer& layer, const std::string& name, const std::vector<NaiveTensor>& inputs,
                      const Scope& scope, bool training);
  NaiveTensor batch_norm(const proto::BatchNorm& spec, const std::string& name, const NaiveTensor& input,
                         bool training);

  const proto::Model model_;
  const NetworkOptions options_;
  std::map<std::string, NaiveTensor> outputs_;  // of all layers, by full name
};

}  // namespace lockstep
