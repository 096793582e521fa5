// Changes of colour as torchvision.transforms.functional defines them, in place, on planes (channels, height, width) of
// values 0 to 1; results are cut to 0 to 1. Grey is 0.2989 red + 0.587 green + 0.114 blue.
// Threads: functions are independent.
#pragma once

#include <span>

namespace lockstep {

// Each value times the factor.
void change_brightness(float factor, std::span<float> image);
// Distances from the mean of the grey image times the factor. Requires: 1 channel, or 3.
void change_contrast(float factor, int channels, std::span<float> image);
// Distances from the grey image times the factor. Requires: 3 channels.
void change_saturation(float factor, std::span<float> image);
// Hues (of hue, saturation, value) turned by a share of the circle, -0.5 to 0.5. Requires: 3 channels.
void turn_hue(float share, std::span<float> image);

}  // namespace lockstep
