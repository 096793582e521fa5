// How a Network behaves as a whole; what single layers compute is in gradient_check_test.cc.
#include "trainer/nn/network/network.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

const NetworkOptions kOptions{.image = {3, 8, 7}, .classes = 5, .slice_rows = 4, .seed = 3};

const char kPlainModel[] =
    "layer { convolution { filters: 17 kernel: 3 padding: SAME } } layer { relu {} }"
    "layer { max_pooling { kernel: 2 } }"
    "layer { residual { body { convolution { filters: 17 kernel: 3 padding: SAME } } } }"
    "layer { dense { units: 5 } }";

const char kNormalizedModel[] =
    "layer { convolution { filters: 17 kernel: 3 padding: SAME bias: false } }"
    "layer { name: 'norm' batch_norm { relu: true momentum: 0.25 } }"
    "layer { global_pooling {} } layer { dense { units: 5 } }";

NetworkUnderTest make(const std::string& model, const NetworkOptions& options = kOptions) {
  NetworkUnderTest result(model, options);
  result.randomize(1);
  return result;
}

// Rows [first, first + count) of some rows.
Rows part_of(const Rows& rows, const NetworkOptions& options, std::size_t first, std::size_t count) {
  const std::ptrdiff_t begin = std::ptrdiff_t(first);
  const std::ptrdiff_t end = begin + std::ptrdiff_t(count);
  const std::ptrdiff_t pixels = std::ptrdiff_t(options.image.elements());
  Rows part;
  part.images.assign(rows.images.begin() + begin * pixels, rows.images.begin() + end * pixels);
  part.targets.assign(rows.targets.begin() + begin, rows.targets.begin() + end);
  part.indices.assign(rows.indices.begin() + begin, rows.indices.begin() + end);
  return part;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Sums over slices are rounded in another order than sums over one batch: some 1e-6 of the largest gradient.
TEST(Network, SlicesAddUpToOneBatch) {
  NetworkOptions whole_options = kOptions;
  whole_options.slice_rows = 12;
  NetworkUnderTest whole = make(kPlainModel, whole_options);
  NetworkUnderTest sliced = make(kPlainModel);
  sliced.set_parameters(whole.parameters());
  const Rows rows = random_rows(whole_options, 2);
  const SliceResult expected = whole.train(rows, 1.0F / 12);

  PlainTensors sums;
  double loss_sum = 0;
  int correct = 0;
  for (std::size_t slice = 0; slice < 3; ++slice) {
    const SliceResult result = sliced.train(part_of(rows, kOptions, slice * 4, 4), 1.0F / 12);
    loss_sum += double(result.loss_sum);
    correct += result.correct;
    for (const auto& [name, gradient] : sliced.gradients()) {
      sums[name].resize(gradient.size());
      for (std::size_t i = 0; i < gradient.size(); ++i) sums[name][i] += gradient[i];
    }
  }
  EXPECT_NEAR(loss_sum, expected.loss_sum, 1e-4);
  EXPECT_EQ(correct, expected.correct);
  for (const auto& [name, gradient] : whole.gradients()) {
    float largest = 0;
    for (const float element : gradient) largest = std::max(largest, std::abs(element));
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      EXPECT_NEAR(sums.at(name)[i], gradient[i], 5e-6F * largest) << name << " " << i;
    }
  }
}

void expect_same_bits(const std::string& model, const NetworkOptions& options) {
  NetworkUnderTest first = make(model, options);
  NetworkUnderTest second = make(model, options);
  const Rows rows = random_rows(options, 2);
  const float loss = first.train(rows, 1).loss_sum;
  const std::vector<float> gradients(first.gradient_array.span().begin(), first.gradient_array.span().end());
  first.train(random_rows(options, 8), 1);  // must leave nothing behind
  first.network->evaluate_slice(random_rows(options, 9).slice(), 4);
  EXPECT_EQ(first.train(rows, 1).loss_sum, loss);
  EXPECT_TRUE(same_bits(first.gradient_array.span(), gradients));
  EXPECT_EQ(second.train(rows, 1).loss_sum, loss);
  EXPECT_TRUE(same_bits(second.gradient_array.span(), gradients));
}

TEST(Network, TheSameSliceGivesTheSameBits) {
  for (const int threads : {1, 2}) {
    NetworkOptions options = kOptions;
    options.threads = threads;
    expect_same_bits(kPlainModel, options);
    expect_same_bits(kNormalizedModel, options);
  }
}

TEST(Network, GradientsAreWrittenOverWhatWasThere) {
  NetworkUnderTest network = make(kNormalizedModel);
  const Rows rows = random_rows(kOptions, 2);
  network.train(rows, 1);
  const std::vector<float> gradients(network.gradient_array.span().begin(), network.gradient_array.span().end());
  std::ranges::fill(network.gradient_array.span(), std::numeric_limits<float>::quiet_NaN());
  network.train(rows, 1);
  EXPECT_TRUE(same_bits(network.gradient_array.span(), gradients));
}

TEST(Network, LossScaleScalesGradientsOnly) {
  NetworkUnderTest network = make(kPlainModel);
  const Rows rows = random_rows(kOptions, 2);
  const float loss = network.train(rows, 1).loss_sum;
  const PlainTensors once = network.gradients();
  EXPECT_EQ(network.train(rows, 0.25F).loss_sum, loss);
  for (const auto& [name, gradient] : network.gradients()) {
    // A power of two changes the exponent alone.
    for (std::size_t i = 0; i < gradient.size(); ++i) EXPECT_EQ(gradient[i], once.at(name)[i] * 0.25F) << name;
  }
}

TEST(Network, ChangedParametersAreUsed) {
  for (const char* model : {kPlainModel, kNormalizedModel}) {
    NetworkUnderTest network = make(model);
    const Rows rows = random_rows(kOptions, 2);
    network.train(rows, 1);
    network.network->evaluate_slice(rows.slice(), 4);
    network.randomize(99);
    NaiveNetwork twin = network.naive();
    network.network->evaluate_slice(rows.slice(), 4);
    const NaiveResult expected = twin.evaluate(rows.slice());
    for (std::size_t i = 0; i < expected.logits.size(); ++i) {
      EXPECT_NEAR(network.network->logits()[i], expected.logits[i], 2e-5) << i;
    }
    EXPECT_NEAR(network.train(rows, 1).loss_sum, twin.train(rows.slice()).loss_sum, 1e-4);
  }
}

TEST(Network, EvaluationCountsValidRowsOnly) {
  NetworkUnderTest network = make(kNormalizedModel);
  Rows rows = random_rows(kOptions, 2);
  network.network->evaluate_slice(rows.slice(), 4);
  const std::vector<float> logits(network.network->logits().begin(), network.network->logits().end());
  const SliceResult three = network.network->evaluate_slice(rows.slice(), 3);
  std::fill(rows.images.end() - std::ptrdiff_t(kOptions.image.elements()), rows.images.end(), 1e6F);
  rows.targets[3] = float((int(rows.targets[3]) + 1) % kOptions.classes);
  const SliceResult damaged = network.network->evaluate_slice(rows.slice(), 3);
  EXPECT_EQ(three.loss_sum, damaged.loss_sum);
  EXPECT_EQ(three.correct, damaged.correct);
  EXPECT_TRUE(damaged.finite);
  EXPECT_TRUE(same_bits(network.network->logits().first(15), std::span(logits).first(15)));
  EXPECT_NE(network.network->evaluate_slice(rows.slice(), 4).loss_sum, three.loss_sum);
}

TEST(Network, EvaluationChangesNothing) {
  NetworkUnderTest network = make(kNormalizedModel);
  const PlainTensors parameters = network.parameters();
  const PlainTensors buffers = network.buffers();
  network.network->evaluate_slice(random_rows(kOptions, 2).slice(), 4);
  EXPECT_EQ(network.parameters(), parameters);
  EXPECT_EQ(network.buffers(), buffers);
}

// The slow twin: each slice's gradients in an array of its own, added afterwards.
TEST(Network, AddsGradientsAndStatisticsToSumsOnTheWay) {
  NetworkUnderTest network = make(kNormalizedModel);
  const std::size_t elements = network.network->gradient_elements();
  const Rows rows = random_rows(kOptions, 2);
  std::vector<AlignedArray> sums;
  for (const std::uint32_t seed : {4U, 5U}) {
    network.train(random_rows(kOptions, seed), 1);
    sums.emplace_back(elements);
    std::ranges::copy(network.gradient_array.span(), sums.back().data());
  }
  network.train(rows, 1);
  std::vector<float> expected(elements);
  for (std::size_t i = 0; i < elements; ++i) {
    expected[i] = sums[0].data()[i] + (sums[1].data()[i] + network.gradient_array.data()[i]);
  }
  float* const arrays[] = {sums[0].data(), sums[1].data()};
  network.network->train_slice(rows.slice(), 1, 1, {.arrays = arrays, .elements = elements, .add = true}, {});
  EXPECT_TRUE(std::ranges::equal(sums[0].span(), expected));
}

// What is announced as final while backward runs is what stands there in the end; it grows from the back to the whole.
TEST(Network, GradientsAreFinalFromWhereItSays) {
  NetworkUnderTest network = make(R"(
      layer { convolution { filters: 8 kernel: 3 padding: SAME } }
      layer { residual {
        body { convolution { filters: 16 kernel: 3 padding: SAME stride: 2 bias: false } }
        body { batch_norm {} }
        shortcut { convolution { filters: 16 kernel: 1 stride: 2 bias: false } }
      } }
      layer { flatten {} }
      layer { dense { units: 5 } })");
  const Rows rows = random_rows(kOptions, 2);
  for (const bool add : {false, true}) {
    const std::span<float> array = network.gradient_array.span();
    std::ranges::fill(array, 0.F);
    const std::size_t parameters = network.network->parameter_values().size();
    std::vector<std::pair<std::size_t, std::vector<float>>> seen;
    float* const address = array.data();
    network.network->train_slice(rows.slice(), 1, 1, {.arrays = {&address, 1}, .elements = array.size(), .add = add},
                                 [&](std::size_t offset) {
                                   const auto there = array.subspan(offset, parameters - offset);
                                   seen.emplace_back(offset, std::vector<float>(there.begin(), there.end()));
                                 });
    std::set<std::size_t> offsets;
    std::size_t last = parameters;
    for (const auto& [offset, values] : seen) {
      EXPECT_LE(offset, last);
      EXPECT_TRUE(std::ranges::equal(values, array.subspan(offset, parameters - offset))) << "from " << offset;
      last = offset;
      offsets.insert(offset);
    }
    EXPECT_EQ(last, 0U);
    EXPECT_GE(offsets.size(), 5U);
  }
}

// The running values move towards the mean over the slices of mean and unbiased variance.
TEST(Network, TellsOfEachKernelThatHasRun) {
  NetworkUnderTest network = make(kNormalizedModel);
  const Rows rows = random_rows(kOptions, 2);
  int steps = 0;
  network.network->on_step([&] { ++steps; });
  network.train(rows, 1);
  EXPECT_GE(steps, 8);  // four layers forward and backward
  steps = 0;
  network.network->evaluate_slice(rows.slice(), kOptions.slice_rows);
  EXPECT_GE(steps, 4);
}

TEST(Network, BuffersMoveTowardsTheStatisticsOfAllSlices) {
  NetworkUnderTest network = make(kNormalizedModel);
  const PlainTensors before = network.buffers();
  NaiveNetwork twin = network.naive();
  std::vector<float> sum(network.network->gradient_elements());
  std::map<std::string, std::vector<double>> mean_of_slices;
  for (const std::uint32_t seed : {2U, 3U}) {
    const Rows rows = random_rows(kOptions, seed);
    float* const array = network.gradient_array.data();
    network.network->train_slice(rows.slice(), 1, 0.5F, {.arrays = {&array, 1}, .elements = sum.size(), .add = false},
                                 {});
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += network.gradient_array.data()[i];
    twin.train(rows.slice());
    for (const auto& [name, values] : twin.statistics) {
      mean_of_slices[name].resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) mean_of_slices[name][i] += 0.5 * values[i];
    }
  }
  EXPECT_EQ(network.buffers(), before);  // only update_buffers moves them
  network.network->update_buffers(sum);
  const PlainTensors after = network.buffers();
  ASSERT_EQ(after.size(), 2U);
  for (const auto& [name, values] : after) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_NEAR(values[i], 0.75 * double(before.at(name)[i]) + 0.25 * mean_of_slices.at(name)[i], 1e-5) << name;
    }
  }
}

TEST(Network, PlainLayoutGoesThereAndBack) {
  for (const char* model : {kPlainModel, kNormalizedModel}) {
    NetworkUnderTest network = make(model);
    network.train(random_rows(kOptions, 2), 1);
    const auto gradients = network.gradient_array.span().first(network.network->parameter_values().size());
    for (const auto arena :
         {std::span<const float>(network.network->parameter_values()), std::span<const float>(gradients)}) {
      std::vector<float> copy(arena.size(), 0.0F);
      std::vector<float> plain;
      for (const TensorInfo& tensor : network.network->parameters()) {
        plain.resize(std::size_t(plain_elements(tensor)));
        network.network->to_plain(tensor, arena, plain);
        network.network->from_plain(tensor, plain, copy);
      }
      // Equal everywhere, so padding was zero in the arena too.
      EXPECT_TRUE(std::ranges::equal(copy, arena));
    }
  }
}

TEST(Network, TensorsLieInForwardOrder) {
  const NetworkUnderTest network = make(
      "layer { name: 'a' convolution { filters: 5 kernel: 3 } } layer { name: 'b' batch_norm {} }"
      "layer { name: 'c' residual { body { name: 'd' convolution { filters: 5 kernel: 1 groups: 5 } } } }"
      "layer { name: 'e' dense { units: 5 } }");
  std::vector<std::string> names;
  std::size_t end = 0;
  for (const TensorInfo& tensor : network.network->parameters()) {
    names.push_back(tensor.name);
    EXPECT_EQ(tensor.offset, end) << tensor.name;
    EXPECT_GE(tensor.elements, std::size_t(plain_elements(tensor))) << tensor.name;
    EXPECT_EQ(tensor.is_weights, tensor.name.ends_with("/weights")) << tensor.name;
    end = tensor.offset + tensor.elements;
  }
  EXPECT_EQ(end, network.network->parameter_values().size());
  EXPECT_EQ(names, (std::vector<std::string>{"a/weights", "a/bias", "b/scale", "b/shift", "c/d/weights", "c/d/bias",
                                             "e/weights", "e/bias"}));
  EXPECT_EQ(network.network->parameters()[4].shape, (std::vector<std::int64_t>{5, 1, 1, 1}));
  EXPECT_EQ(network.network->parameters()[6].shape, (std::vector<std::int64_t>{5, 5 * 6 * 5}));
  ASSERT_EQ(network.network->buffers().size(), 2U);
  EXPECT_EQ(network.network->buffers()[0].name, "b/running_mean");
  EXPECT_EQ(network.network->buffers()[1].name, "b/running_variance");
}

}  // namespace
}  // namespace lockstep
