// A chain of layers, built one after another: the one place that knows all kinds of layers.
#pragma once

#include <string>

#include <google/protobuf/repeated_ptr_field.h>

#include "proto/model.pb.h"
#include "trainer/nn/builder.h"

namespace lockstep {

// `path` is that of the repeated field, as "model.layer"; `prefix` goes before the names, as "residual_1/".
Activation build_layers(Builder& builder, google::protobuf::RepeatedPtrField<proto::Layer>& layers,
                        const std::string& path, const std::string& prefix, const Activation& input);

}  // namespace lockstep
