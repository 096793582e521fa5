// Networks by name. Their layers are written out into the model, so that the resolved job says everything.
//   lenet           two 3x3 convolutions of 32 and 64 with pooling, a dense layer of 128; for 28 x 28
//   small_cnn       five 3x3 convolutions with batch norm, global pooling; for 28 x 28 and 32 x 32
//   resnet18        He et al. 2015 (arXiv:1512.03385), for ImageNet: 7x7 stem; 11,689,512 parameters at 1,000 classes
//   resnet18_small  the same behind a 3x3 stem without pooling, for 32 x 32
//   vgg16           Simonyan and Zisserman 2014 (arXiv:1409.1556), configuration D; 138,357,544 parameters at 1,000
#pragma once

#include <string_view>

#include "proto/model.pb.h"

namespace lockstep {

// Appends the layers of the named network. False, and nothing done, when there is none of that name.
bool add_zoo_layers(std::string_view name, int classes, proto::Model& model);

}  // namespace lockstep
