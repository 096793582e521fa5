#include "trainer/nn/zoo.h"

#include <string>
#include <utility>
#include <vector>

#include "trainer/nn/network.h"

namespace lockstep {
namespace {

using Layers = google::protobuf::RepeatedPtrField<proto::Layer>;

void convolution(Layers& layers, int filters, int kernel, int stride, bool bias) {
  proto::Convolution& made = *layers.Add()->mutable_convolution();
  made.set_filters(filters);
  made.add_kernel(kernel);
  if (stride > 1) made.add_stride(stride);
  if (kernel > 1) made.set_padding_pixels(kernel / 2);
  made.set_bias(bias);
}

void batch_norm(Layers& layers, bool relu, bool zero_scale = false) {
  proto::BatchNorm& made = *layers.Add()->mutable_batch_norm();
  made.set_relu(relu);
  made.set_zero_scale(zero_scale);
}

void max_pooling(Layers& layers, int kernel, int stride, int padding) {
  proto::Pooling& made = *layers.Add()->mutable_max_pooling();
  made.add_kernel(kernel);
  made.add_stride(stride);
  if (padding > 0) made.set_padding_pixels(padding);
}

void dense(Layers& layers, int units) {
  layers.Add()->mutable_dense()->set_units(units);
}

void lenet(Layers& layers, int classes) {
  for (const int filters : {32, 64}) {
    convolution(layers, filters, 3, 1, /*bias=*/true);
    layers.Add()->mutable_relu();
    max_pooling(layers, 2, 2, 0);
  }
  layers.Add()->mutable_flatten();
  dense(layers, 128);
  layers.Add()->mutable_relu();
  dense(layers, classes);
}

void small_cnn(Layers& layers, int classes) {
  const auto block = [&](int filters) {
    convolution(layers, filters, 3, 1, /*bias=*/false);
    batch_norm(layers, /*relu=*/true);
  };
  block(32);
  block(32);
  max_pooling(layers, 2, 2, 0);
  block(64);
  block(64);
  max_pooling(layers, 2, 2, 0);
  block(128);
  layers.Add()->mutable_global_pooling();
  dense(layers, classes);
}

// Two 3x3 convolutions; the last scale starts at zero, so that the block starts as its shortcut.
void basic_block(Layers& layers, int filters, int stride, bool project) {
  proto::Residual& residual = *layers.Add()->mutable_residual();
  Layers& body = *residual.mutable_body();
  convolution(body, filters, 3, stride, /*bias=*/false);
  batch_norm(body, /*relu=*/true);
  convolution(body, filters, 3, 1, /*bias=*/false);
  batch_norm(body, /*relu=*/false, /*zero_scale=*/true);
  if (!project) return;
  Layers& shortcut = *residual.mutable_shortcut();
  convolution(shortcut, filters, 1, stride, /*bias=*/false);
  batch_norm(shortcut, /*relu=*/false);
}

void resnet18_stages(Layers& layers, int classes) {
  for (const int filters : {64, 128, 256, 512}) {
    const bool first = filters == 64;
    basic_block(layers, filters, first ? 1 : 2, /*project=*/!first);
    basic_block(layers, filters, 1, /*project=*/false);
  }
  layers.Add()->mutable_global_pooling();
  dense(layers, classes);
}

void resnet18(Layers& layers, int classes) {
  convolution(layers, 64, 7, 2, /*bias=*/false);
  batch_norm(layers, /*relu=*/true);
  max_pooling(layers, 3, 2, 1);
  resnet18_stages(layers, classes);
}

void resnet18_small(Layers& layers, int classes) {
  convolution(layers, 64, 3, 1, /*bias=*/false);
  batch_norm(layers, /*relu=*/true);
  resnet18_stages(layers, classes);
}

// Configuration D.
void vgg16(Layers& layers, int classes) {
  for (const auto& [filters, count] : {std::pair{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}) {
    for (int i = 0; i < count; ++i) {
      convolution(layers, filters, 3, 1, /*bias=*/true);
      layers.Add()->mutable_relu();
    }
    max_pooling(layers, 2, 2, 0);
  }
  layers.Add()->mutable_flatten();
  for (int i = 0; i < 2; ++i) {
    dense(layers, 4096);
    layers.Add()->mutable_relu();
    layers.Add()->mutable_dropout();
  }
  dense(layers, classes);
}

struct Entry {
  ZooModel model;
  void (*add)(Layers& layers, int classes);
};

const Entry kZoo[] = {{{"lenet", {1, 28, 28}, 10}, lenet},
                      {{"small_cnn", {1, 28, 28}, 10}, small_cnn},
                      {{"resnet18", {3, 224, 224}, 1000}, resnet18},
                      {{"resnet18_small", {3, 32, 32}, 10}, resnet18_small},
                      {{"vgg16", {3, 224, 224}, 1000}, vgg16}};

}  // namespace

std::vector<ZooModel> zoo_models() {
  std::vector<ZooModel> models;
  for (const Entry& entry : kZoo) models.push_back(entry.model);
  return models;
}

std::vector<std::string> zoo_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kZoo) names.push_back(entry.model.name);
  return names;
}

bool add_zoo_layers(std::string_view name, int classes, proto::Model& model) {
  for (const Entry& entry : kZoo) {
    if (entry.model.name != name) continue;
    entry.add(*model.mutable_layer(), classes);
    return true;
  }
  return false;
}

}  // namespace lockstep
