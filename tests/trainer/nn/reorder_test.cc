#include "trainer/nn/kernels/reorder.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "trainer/nn/kernels/instruction_set.h"
#include "trainer/nn/kernels/onednn.h"
#include "trainer/tensor/bfloat16.h"

namespace lockstep {
namespace {

using Tag = dnnl::memory::format_tag;

struct Layout {
  const char* name;
  Tag tag;
};

constexpr Layout kLayouts[] = {{"abcd", Tag::abcd},
                               {"acdb", Tag::acdb},
                               {"cdba", Tag::cdba},
                               {"aBcd16b", Tag::aBcd16b},
                               {"aBcd8b", Tag::aBcd8b},
                               {"Acdb16a", Tag::Acdb16a},
                               {"Abcd16a", Tag::Abcd16a},
                               {"ABcd8b8a", Tag::ABcd8b8a},
                               {"ABcd16b16a", Tag::ABcd16b16a},
                               {"ABcd16a16b", Tag::ABcd16a16b},
                               {"BAcd16a16b", Tag::BAcd16a16b}};

const onednn::Dims kShapes[] = {{1, 1, 3, 3},   {3, 5, 3, 3},  {16, 16, 3, 3}, {7, 33, 1, 1},
                                {20, 24, 2, 2}, {5, 64, 1, 3}, {18, 20, 1, 1}, {32, 3, 7, 7}};

constexpr onednn::Type kFloat = onednn::Type::f32;

onednn::Descriptor descriptor(const onednn::Dims& dims, const Layout& layout, onednn::Type type = kFloat) {
  return {dims, type, layout.tag};
}

// 1, 2, 3, ... in plain order.
std::vector<float> counted(const onednn::Dims& dims) {
  std::vector<float> values(onednn::elements_of(onednn::plain(dims)));
  std::iota(values.begin(), values.end(), 1.F);
  return values;
}

// An array full of NaN, so that what is not written is seen.
std::vector<float> unwritten(const onednn::Descriptor& layout) {
  return std::vector<float>(onednn::elements_of(layout), std::numeric_limits<float>::quiet_NaN());
}

template <typename Check>
void for_each_pair(Check check, onednn::Type to_type = kFloat) {
  for (const onednn::Dims& dims : kShapes) {
    for (const Layout& from : kLayouts) {
      for (const Layout& to : kLayouts) {
        SCOPED_TRACE(fmt::format("{} of {} to {}", fmt::join(dims, "x"), from.name, to.name));
        check(dims, descriptor(dims, from), descriptor(dims, to, to_type));
      }
    }
  }
}

TEST(Reorder, GatherTakesEveryElementOnceAndZeroesTheRest) {
  for_each_pair([](const onednn::Dims& dims, const onednn::Descriptor& from, const onednn::Descriptor& to) {
    const std::vector<std::int32_t> indices = gather_indices(from, to);
    ASSERT_EQ(indices.size(), onednn::elements_of(to));
    std::vector<int> taken(onednn::elements_of(from), 0);
    std::size_t padding = 0;
    for (const std::int32_t index : indices) {
      if (index < 0) {
        ++padding;
      } else {
        ++taken.at(std::size_t(index));
      }
    }
    EXPECT_EQ(padding, indices.size() - counted(dims).size());
    EXPECT_EQ(std::size_t(std::count(taken.begin(), taken.end(), 1)), counted(dims).size());
  });
}

TEST(Reorder, IsTheSameBitsAsTheSlowTwinWhereverItIsUsed) {
  for_each_pair([](const onednn::Dims& dims, const onednn::Descriptor& from, const onednn::Descriptor& to) {
    const std::vector<float> plain = counted(dims);
    std::vector<float> values(onednn::elements_of(from));
    gather(gather_indices(onednn::plain(dims), from), plain.data(), kFloat, values.data(), kFloat);
    std::vector<float> expected = unwritten(to);
    gather(gather_indices(from, to), values.data(), kFloat, expected.data(), kFloat);
    std::vector<float> got = unwritten(to);
    reorder_once(from, values.data(), to, got.data());
    EXPECT_EQ(got, expected);
    std::vector<float> back(plain.size());
    reorder_once(to, got.data(), onednn::plain(dims), back.data());
    EXPECT_EQ(back, plain);
  });
}

TEST(Reorder, RoundsToBfloat16AsTheSlowTwin) {
  const auto check = [](const onednn::Dims& dims, const onednn::Descriptor& from, const onednn::Descriptor& to) {
    std::vector<float> plain = counted(dims);
    for (float& value : plain) value /= 3;  // not a bf16 number
    std::vector<float> values(onednn::elements_of(from));
    gather(gather_indices(onednn::plain(dims), from), plain.data(), kFloat, values.data(), kFloat);
    std::vector<Bfloat16> expected(onednn::elements_of(to));
    gather(gather_indices(from, to), values.data(), kFloat, expected.data(), onednn::Type::bf16);
    std::vector<float> unrounded(onednn::elements_of(to));
    gather(gather_indices(from, to), values.data(), kFloat, unrounded.data(), kFloat);
    for (std::size_t i = 0; i < unrounded.size(); ++i) {
      Bfloat16 rounded;
      from_float(unrounded[i], rounded);
      ASSERT_EQ(expected[i], rounded) << i;
    }
    if (!has_bf16()) return;  // oneDNN's own would not be used
    std::vector<Bfloat16> got(onednn::elements_of(to), Bfloat16{0x7fc0});
    reorder_once(from, values.data(), to, got.data());
    EXPECT_EQ(got, expected);
  };
  for_each_pair(check, onednn::Type::bf16);
}

// Positions worked out by hand: of a 3 x 5 x 1 x 1 array as ABcd8b8a, element (2, 4) lies at 4 * 8 + 2.
TEST(Reorder, GatherKnowsWhereABlockedLayoutPutsAnElement) {
  const onednn::Dims dims = {3, 5, 1, 1};
  const std::vector<std::int32_t> indices =
      gather_indices(onednn::plain(dims), descriptor(dims, {"ABcd8b8a", Tag::ABcd8b8a}));
  ASSERT_EQ(indices.size(), 64U);
  EXPECT_EQ(indices[4 * 8 + 2], 2 * 5 + 4);
  EXPECT_EQ(indices[0 * 8 + 1], 1 * 5 + 0);
  EXPECT_EQ(indices[4 * 8 + 3], -1);
  EXPECT_EQ(indices[5 * 8 + 0], -1);
}

}  // namespace
}  // namespace lockstep
