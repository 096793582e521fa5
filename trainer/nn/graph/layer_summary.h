#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

// What one layer is, for `lockstep model show`.
struct LayerSummary {
  std::string name;                      // "residual_2/convolution_1" inside a residual block
  std::vector<std::string> inputs = {};  // names of layers, or "image"
  std::string kind;                      // "convolution 3x3, 64 filters, stride 2"
  std::string output;                    // "64 x 16 x 16"
  std::int64_t parameters = 0;
  // Of one row, in convolutions and dense layers, by the direct algorithm; a multiply-add is two.
  std::int64_t forward_flops = 0;
  std::int64_t training_flops = 0;  // forward and backward, without the input gradient where nothing needs it
  std::string implementation;       // oneDNN's name of the kernels, by pass
};

}  // namespace lockstep
