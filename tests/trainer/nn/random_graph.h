// Models with branches, drawn from a seed: several readers, sums, concatenations, products, gates and residual blocks
// behind each other and inside each other, odd sizes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/dataset/dataset.h"

namespace lockstep {

struct RandomGraph {
  ImageShape image;
  int rows = 0;
  std::string layers;                  // text proto; the last layer gives `classes` values
  std::vector<std::string> names;      // of those that evaluation needs, too
  std::vector<std::string> auxiliary;  // those whose loss counts beside that of the last one
};

RandomGraph random_graph(std::uint32_t seed, int classes);

}  // namespace lockstep
