// Random graphs against the slow twin, and against themselves with an array for each value. So many as
// LOCKSTEP_GRAPHS says, else 300.
#include "tests/trainer/nn/random_graph.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/nn/gradient_comparison.h"
#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {
namespace {

constexpr int kClasses = 3;

std::uint32_t graphs() {
  const char* const wanted = std::getenv("LOCKSTEP_GRAPHS");
  return wanted == nullptr ? 300 : std::uint32_t(std::stoul(wanted));
}

// Two thirds of the layers.
bool is_chosen(std::string_view layer, std::uint32_t seed) {
  return std::accumulate(layer.begin(), layer.end(), seed) % 3 != 0;
}

// The others, but never the first one.
bool is_among_frozen(std::string_view name) {
  const std::string_view layer = name.substr(0, name.rfind('/'));
  return layer != "v1" && !is_chosen(layer, 0);
}

// Of every other seed a part is frozen.
NetworkUnderTest make(const RandomGraph& graph, std::uint32_t seed, Precision precision, bool share_memory,
                      int threads) {
  NetworkOptions options{.image = graph.image,
                         .classes = kClasses,
                         .slice_rows = graph.rows,
                         .threads = threads,
                         .seed = 11,
                         .precision = precision,
                         .share_memory = share_memory};
  options.kept = graph.names;
  // Where memory is shared, what is kept gets in the way.
  if (share_memory) std::erase_if(options.kept, [&](const std::string& name) { return is_chosen(name, seed); });
  for (const std::string& name : graph.auxiliary) options.auxiliary.push_back({name, 0.3F});
  if (seed % 2 == 1) options.is_frozen = is_among_frozen;
  NetworkUnderTest network(graph.layers, options);
  network.randomize(3);
  return network;
}

// Sums behind batch norms of few values round more than those of single layers.
constexpr Comparison kComparison = {
    .elements = 1, .directions = 1, .relative_tolerance = 1e-3, .absolute_tolerance = 1e-5};

std::vector<std::string> disagreements(const RandomGraph& graph, std::uint32_t seed, std::uint32_t pass) {
  NetworkUnderTest network = make(graph, seed, Precision::kFp32, true, 1);
  NaiveNetwork twin = network.naive();
  const Rows rows = random_rows(network.network->options(), pass);
  std::vector<std::string> lines;
  const double loss = double(network.train(rows, 1).loss_sum);
  const double expected = twin.train(rows.slice()).loss_sum;
  if (!(std::abs(loss - expected) <= 1e-4 * std::max(1.0, expected))) {
    lines.push_back(fmt::format("loss {}, expected {}", loss, expected));
  }
  const std::vector<std::string> more = compare_gradients(network.gradients(), twin, rows, 1, kComparison);
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

// Of some graph a ReLU or a maximum decides otherwise in float than in double. It does not so on all rows.
TEST(RandomGraphs, LearnLikeTheSlowTwin) {
  int again = 0;
  for (std::uint32_t seed = 0; seed < graphs(); ++seed) {
    const RandomGraph graph = random_graph(seed, kClasses);
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, graph.layers));
    std::vector<std::string> lines = disagreements(graph, seed, 5);
    for (std::uint32_t pass = 6; pass < 8 && !lines.empty(); ++pass) {
      ++again;
      lines = disagreements(graph, seed, pass);
    }
    for (const std::string& line : lines) ADD_FAILURE() << line;
  }
  EXPECT_LE(again, int(graphs() / 10));
}

// The negative control: of each graph one tensor's gradient, off by a tenth.
TEST(RandomGraphs, AWrongDerivativeIsSeen) {
  int seen = 0;
  const std::uint32_t tried = std::min<std::uint32_t>(graphs(), 30);
  for (std::uint32_t seed = 0; seed < tried; ++seed) {
    NetworkUnderTest network = make(random_graph(seed, kClasses), seed, Precision::kFp32, true, 1);
    NaiveNetwork twin = network.naive();
    const Rows rows = random_rows(network.network->options(), 5);
    network.train(rows, 1);
    PlainTensors gradients = network.gradients();
    for (float& element : gradients.begin()->second) element *= 1.1F;
    if (!compare_gradients(gradients, twin, rows, 1, kComparison).empty()) ++seen;
  }
  EXPECT_GE(seen, int(tried) * 9 / 10);
}

class Precisions : public testing::TestWithParam<Precision> {};

void expect_same_kept_values(const NetworkUnderTest& some, const NetworkUnderTest& all) {
  for (const std::string& name : some.network->options().kept) {
    const std::vector<float> values = some.network->kept_values(name);
    EXPECT_EQ(std::memcmp(values.data(), all.network->kept_values(name).data(), values.size() * sizeof(float)), 0)
        << name;
  }
}

// Who may write over what, and who shares a place: the slow twin has a place for each array, and keeps all values.
TEST_P(Precisions, SharingMemoryChangesNoBit) {
  for (std::uint32_t seed = 0; seed < graphs(); ++seed) {
    const RandomGraph graph = random_graph(seed, kClasses);
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, graph.layers));
    const int threads = 1 + int(seed % 2);
    NetworkUnderTest shared = make(graph, seed, GetParam(), true, threads);
    NetworkUnderTest apart = make(graph, seed, GetParam(), false, threads);
    for (std::uint32_t pass = 1; pass < 3; ++pass) {
      const Rows rows = random_rows(shared.network->options(), pass);
      EXPECT_EQ(shared.train(rows, 1).loss_sum, apart.train(rows, 1).loss_sum);
      EXPECT_TRUE(std::ranges::equal(shared.gradient_array.span(), apart.gradient_array.span()));
      if (pass == 1) expect_same_kept_values(shared, apart);
      shared.network->evaluate_slice(rows.slice(), graph.rows);
      apart.network->evaluate_slice(rows.slice(), graph.rows);
      EXPECT_TRUE(std::ranges::equal(shared.network->logits(), apart.network->logits()));
      if (pass == 2) expect_same_kept_values(shared, apart);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(RandomGraphs, Precisions, testing::Values(Precision::kFp32, Precision::kBf16),
                         [](const auto& tested) { return tested.param == Precision::kFp32 ? "Fp32" : "Bf16"; });

}  // namespace
}  // namespace lockstep
