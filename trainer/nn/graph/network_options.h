// What a network is built for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/dataset/dataset.h"
#include "trainer/nn/losses/loss.h"

namespace lockstep {

// Of activations, their gradients, and weights as kernels read them; parameters, gradients of weights, statistics and
// the loss are fp32 always. On a processor without instructions for bf16 everything is fp32.
enum class Precision { kFp32, kBf16 };

// How algorithms are chosen that the model leaves open.
enum class PlanChoice { kByShape, kMeasured, kDirectOnly };

// What a network will take, known before it does.
struct NetworkSizes {
  std::size_t own_bytes = 0;           // activations, their gradients, scratchpads, buffers
  std::size_t parameter_elements = 0;  // trained
  std::size_t frozen_elements = 0;
  std::size_t gradient_elements = 0;
};

// A layer whose values the loss reads while training, beside those of the last one.
struct AuxiliaryLoss {
  std::string layer;
  float weight = 0;
};

struct NetworkOptions {
  ImageShape image;
  int classes = 0;     // or labels, or numbers: outputs a row
  int slice_rows = 0;  // rows of every pass; a shorter one is padded by the caller and given a valid count
  int threads = 1;     // OpenMP threads of this process
  std::uint64_t seed = 1;
  LossOptions loss = {};  // its outputs are the classes, its pixels those of the image
  std::vector<AuxiliaryLoss> auxiliary = {};
  Precision precision = Precision::kFp32;
  PlanChoice plan = PlanChoice::kByShape;
  // Whether the parameter of this name is never trained; none: all are.
  std::function<bool(std::string_view name)> is_frozen = {};
  // Layers whose values are still there after a pass in which they run, for kept_values(). All bits stay the same.
  std::vector<std::string> kept = {};
  // Arrays that are never needed at the same time share memory. Off: for comparison.
  bool share_memory = true;
  // Asked once all sizes are known and before memory is taken: why there is not enough; empty: go on. That is a fault.
  std::function<std::string(const NetworkSizes&)> admit = {};
  // Off: no memory is taken; the network tells its layers and sizes, and cannot run.
  bool runs = true;
};

}  // namespace lockstep
