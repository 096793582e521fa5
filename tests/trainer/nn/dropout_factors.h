// The factors of a dropout layer, found out from outside.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/nn/network/network.h"

namespace lockstep {

// What a dropout layer of this name multiplies each value with, as (rows, channels, height, width), when its input has
// the shape options.image and comes straight from the images or, with `behind_convolution`, from a 1x1 convolution of
// as many filters (another layout in memory).
std::vector<double> dropout_factors(const std::string& layer, float rate, NetworkOptions options,
                                    const std::vector<std::int64_t>& rows, std::int64_t epoch, bool behind_convolution);

}  // namespace lockstep
