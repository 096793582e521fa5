// What tests of Network share: building one from text, random parameters and rows, and views by name in plain layout.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/model.pb.h"
#include "tests/trainer/nn/naive_network.h"
#include "trainer/nn/network/network.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {

// Values by tensor name, plain layout.
using PlainTensors = std::map<std::string, std::vector<float>>;

// The rows of one slice, owned.
struct Rows {
  std::vector<float> images;
  std::vector<float> targets;
  std::vector<std::int64_t> indices;
  std::int64_t epoch = 0;

  Slice slice() const { return {images, targets, indices, epoch}; }
};

// Normal pixels, labels of all classes, row indices 0, 1, ...
Rows random_rows(const NetworkOptions& options, std::uint32_t seed);

class NetworkUnderTest {
 public:
  // Resolves and builds the model, text proto as in a job. A fault ends the test program.
  NetworkUnderTest(const std::string& model, const NetworkOptions& options);

  // Draws every parameter and buffer: weights by fan-in, scales near one, variances positive.
  void randomize(std::uint32_t seed);

  // Of what is trained and of what is frozen.
  PlainTensors parameters() const;
  PlainTensors buffers() const;
  void set_parameters(const PlainTensors& tensors);
  void set_buffers(const PlainTensors& tensors);
  // Parameter gradients of the last train().
  PlainTensors gradients() const;
  SliceResult train(const Rows& rows, float loss_scale);

  // The slow twin, with the same values.
  NaiveNetwork naive() const;

  proto::Model model;  // resolved
  std::unique_ptr<Network> network;
  AlignedArray gradient_array;
};

}  // namespace lockstep
