#include "tests/trainer/comm/reducer_contract.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "trainer/comm/parted_update.h"
#include "trainer/comm/replica_check.h"

namespace lockstep {
namespace {

using Array = std::vector<float>;

Array slice_gradient(int step, int slice, std::size_t elements) {
  Array values(elements);
  for (std::size_t i = 0; i < elements; ++i) values[i] = gradient_value(step, slice, i);
  return values;
}

Array sum_of(const Array& a, const Array& b) {
  Array sum(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] = a[i] + b[i];
  return sum;
}

Array sum_of_slices(int step, int first, int count, std::size_t elements) {
  if (count == 1) return slice_gradient(step, first, elements);
  if (count % 2 == 0) {
    return sum_of(sum_of_slices(step, first, count / 2, elements),
                  sum_of_slices(step, first + count / 2, count / 2, elements));
  }
  Array sum = slice_gradient(step, first, elements);
  for (int slice = first + 1; slice < first + count; ++slice) {
    sum = sum_of(sum, slice_gradient(step, slice, elements));
  }
  return sum;
}

void put_slices(GradientReducer& reducer, const Communicator& communicator, int slices, int step) {
  const int mine = slices / communicator.size();
  for (int slice = communicator.rank() * mine; slice < (communicator.rank() + 1) * mine; ++slice) {
    // In eight pieces, the last one first, as backward does.
    const SumTarget target = reducer.begin_slice();
    Array values = slice_gradient(step, slice, target.elements);
    std::size_t end = target.elements;
    for (std::size_t pieces = 8; pieces > 0; --pieces) {
      const std::size_t begin = end - end / pieces;
      target.put(begin, values.data() + begin, end - begin);
      reducer.final_from(begin);
      end = begin;
    }
    reducer.slice_done();
  }
}

std::span<const float> reduce_once(GradientReducer& reducer, const Communicator& communicator, int slices, int step) {
  put_slices(reducer, communicator, slices, step);
  return reducer.reduce();
}

}  // namespace

float gradient_value(int step, int slice, std::size_t i) {
  std::uint64_t state = (static_cast<std::uint64_t>(step) * 64 + static_cast<std::uint64_t>(slice) + 1) << 32 | i;
  state *= 0x9E3779B97F4A7C15U;  // SplitMix64's constants
  state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9U;
  state = (state ^ (state >> 27)) * 0x94D049BB133111EBU;
  const auto mantissa = static_cast<float>(static_cast<std::int32_t>(state >> 32)) * 0x1p-31F;
  return std::ldexp(mantissa, static_cast<int>(state % 24));
}

std::vector<float> reference_sum(int step, int slices, int ranks, std::size_t elements) {
  std::vector<Array> arrays;
  const int mine = slices / ranks;
  for (int rank = 0; rank < ranks; ++rank) arrays.push_back(sum_of_slices(step, rank * mine, mine, elements));
  while (arrays.size() % 2 == 0) {
    std::vector<Array> pairs;
    for (std::size_t i = 0; i < arrays.size(); i += 2) pairs.push_back(sum_of(arrays[i], arrays[i + 1]));
    arrays = pairs;
  }
  Array sum = arrays[0];
  for (std::size_t i = 1; i < arrays.size(); ++i) sum = sum_of(sum, arrays[i]);
  return sum;
}

std::vector<float> left_to_right_sum(int step, int slices, std::size_t elements) {
  Array sum = slice_gradient(step, 0, elements);
  for (int slice = 1; slice < slices; ++slice) sum = sum_of(sum, slice_gradient(step, slice, elements));
  return sum;
}

std::vector<std::uint32_t> bits_of(std::span<const float> values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

void expect_tree_sum(Communicator& communicator, std::size_t elements, const ReducerOptions& options, int steps) {
  const auto reducer = std::make_unique<GradientReducer>(communicator, elements, options);
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(reducer->begin_slice().arrays[0]);
  EXPECT_EQ(address % 64, 0U);
  for (int step = 0; step < steps; ++step) {
    const std::span<const float> sum = reduce_once(*reducer, communicator, options.slices, step);
    ASSERT_EQ(sum.size(), elements);
    const std::vector<float> expected = reference_sum(step, options.slices, communicator.size(), elements);
    std::size_t differing = 0;
    for (std::size_t i = 0; i < elements; ++i) {
      if (std::bit_cast<std::uint32_t>(sum[i]) != std::bit_cast<std::uint32_t>(expected[i])) ++differing;
    }
    EXPECT_EQ(differing, 0U) << "rank " << communicator.rank() << " of " << communicator.size() << ", "
                             << options.slices << " slices, " << elements << " elements, step " << step << ", "
                             << reducer->description();
  }
}

void expect_sum_in_parts(Communicator& communicator, std::size_t elements, ReducerOptions options) {
  const std::size_t split = elements - elements / 3;
  options.parted_elements = split;
  const auto reducer = std::make_unique<GradientReducer>(communicator, elements, options);
  PartedUpdate update(communicator, *reducer);
  for (int step = 0; step < 2; ++step) {
    put_slices(*reducer, communicator, options.slices, step);
    const std::vector<std::uint32_t> expected =
        bits_of(reference_sum(step, options.slices, communicator.size(), elements));
    const auto is_expected = [&](std::size_t begin, std::size_t end, std::span<const float> values) {
      const std::vector<std::uint32_t> got = bits_of(values.subspan(begin, end - begin));
      return std::equal(got.begin(), got.end(), expected.begin() + std::ptrdiff_t(begin));
    };
    reducer->reduce_shares();
    for (const auto& [begin, end] : update.part()) EXPECT_TRUE(is_expected(begin, end, reducer->sum()));
    const bool verdict = update.agree(step == 0 || communicator.rank() != communicator.first_local());
    const bool knows = communicator.local_size() > 1 && options.shared_memory;
    EXPECT_EQ(verdict, step == 0 || (!knows && communicator.rank() != communicator.first_local()));
    EXPECT_TRUE(is_expected(split, elements, reducer->sum()));
    std::vector<float> values(split, -1);
    for (const auto& [begin, end] : update.part()) {
      std::copy(reducer->sum().begin() + std::ptrdiff_t(begin), reducer->sum().begin() + std::ptrdiff_t(end),
                values.begin() + std::ptrdiff_t(begin));
    }
    update.done();
    update.complete(values);
    EXPECT_TRUE(is_expected(0, split, values)) << elements << " elements, " << reducer->description();
  }
  const std::span<float> shared = update.shared_values(split);
  if (shared.empty()) return;
  if (communicator.rank() == communicator.first_local()) shared.back() = 5;
  communicator.local_barrier();
  EXPECT_EQ(shared.back(), 5);
}

void expect_tree_sums(Communicator& communicator) {
  for (const int slices : {1, 2, 4, 6, 8, 12, 16}) {
    if (slices % communicator.size() != 0) continue;
    for (const bool shared_memory : {true, false}) {
      ReducerOptions options{.shared_memory = shared_memory, .slices = slices, .bucket_bytes = std::size_t{1} << 30};
      for (std::size_t elements = 1; elements <= 17; ++elements) expect_tree_sum(communicator, elements, options, 3);
      expect_tree_sum(communicator, 1000, options, 3);
      for (const std::size_t elements : {1, 2, 40, 1000}) expect_sum_in_parts(communicator, elements, options);
      expect_tree_sum(communicator, 100'003, options, 2);
      if (slices > 2 * communicator.size() && slices != 12) continue;
      for (const Overlap overlap : {Overlap::kOn, Overlap::kOff, Overlap::kMeasured}) {
        options.overlap = overlap;
        options.bucket_bytes = 1;
        expect_sum_in_parts(communicator, 1000, options);
        expect_tree_sum(communicator, 1000, options, overlap == Overlap::kMeasured ? 12 : 2);
        options.bucket_bytes = 50'000;
        expect_sum_in_parts(communicator, 100'003, options);
      }
    }
  }
}

void expect_no_denormal_sum(Communicator& communicator) {
  constexpr float kLarger = 1.5e-38F;
  constexpr float kSmaller = 1.2e-38F;
  volatile float difference = kLarger;
  difference = difference - kSmaller;
  EXPECT_NE(difference, 0) << "negative control: this thread keeps denormal numbers";
  // One slice a rank: the ranks' sum is denormal; two: already the sum in a rank.
  for (const int slices_of_a_rank : {1, 2}) {
    const int slices = slices_of_a_rank * communicator.size();
    const auto reducer =
        std::make_unique<GradientReducer>(communicator, 100, ReducerOptions{.slices = slices, .bucket_bytes = 1 << 20});
    for (int slice = communicator.rank() * slices_of_a_rank, n = 0; n < slices_of_a_rank; ++n, ++slice) {
      const float value = slice == 0 ? kLarger : slice == 1 ? -kSmaller : 0;
      Array values(100, value);
      reducer->begin_slice().put(0, values.data(), values.size());
      reducer->slice_done();
    }
    const std::span<const float> sum = reducer->reduce();
    EXPECT_EQ(Array(sum.begin(), sum.end()), Array(100, slices == 1 ? kLarger : 0));
  }
}

void expect_bf16_wire_sum(Communicator& communicator, std::size_t elements, int slices) {
  ReducerOptions options{.shared_memory = false, .wire = Wire::kBf16, .slices = slices};
  const auto reducer = std::make_unique<GradientReducer>(communicator, elements, options);
  const std::span<const float> sum = reduce_once(*reducer, communicator, slices, 0);
  const std::vector<float> exact = reference_sum(0, slices, communicator.size(), elements);
  options.bucket_bytes = 500;
  const auto in_buckets = std::make_unique<GradientReducer>(communicator, elements, options);
  EXPECT_EQ(bits_of(reduce_once(*in_buckets, communicator, slices, 0)), bits_of(sum));
  std::size_t rounded = 0;
  for (std::size_t i = 0; i < elements; ++i) {
    double size = 0;
    for (int slice = 0; slice < slices; ++slice) size += std::abs(gradient_value(0, slice, i));
    // Half a unit in the eighth bit, of both operands on each level of the tree and once at the end.
    ASSERT_NEAR(sum[i], exact[i], size * 0x1p-8 * 5) << "element " << i;
    rounded += sum[i] != exact[i] ? 1 : 0;
  }
  EXPECT_EQ(rounded > elements / 2, communicator.size() > 1);
  const NamedBytes array{"sum", std::as_bytes(sum)};
  const Status same = check_replicas(communicator, {&array, 1});
  EXPECT_TRUE(same.ok()) << same.ToString();
}

void expect_only_parted_elements_rounded(Communicator& communicator, std::size_t elements, std::size_t parted,
                                         int slices) {
  const bool shared_memory = slices > communicator.size();
  ReducerOptions options{
      .shared_memory = shared_memory, .wire = Wire::kBf16Whole, .slices = slices, .parted_elements = parted};
  const auto sum = [&] {
    const auto reducer = std::make_unique<GradientReducer>(communicator, elements, options);
    return bits_of(reduce_once(*reducer, communicator, slices, 0));
  };
  const std::vector<std::uint32_t> whole = sum();
  const std::vector<std::uint32_t> exact = bits_of(reference_sum(0, slices, communicator.size(), elements));
  options.wire = Wire::kBf16;
  for (const std::size_t bucket_bytes : {std::size_t{0}, std::size_t{500}, std::size_t{1} << 30}) {
    options.bucket_bytes = bucket_bytes;
    const std::vector<std::uint32_t> got = sum();
    for (std::size_t i = 0; i < elements; ++i) {
      ASSERT_EQ(got[i], i < parted ? whole[i] : exact[i]) << i << " of " << elements << ", buckets " << bucket_bytes;
    }
  }
  if (communicator.size() == 1 || parted == elements || shared_memory) return;
  EXPECT_FALSE(std::equal(whole.begin() + std::ptrdiff_t(parted), whole.end(), exact.begin() + std::ptrdiff_t(parted)))
      << "the control: as jobs of before have it";
}

void expect_library_sum(Communicator& communicator, std::size_t elements, int slices) {
  const auto reducer = std::make_unique<GradientReducer>(
      communicator, elements, ReducerOptions{.mode = ReductionMode::kMpiAllReduce, .slices = slices});
  const std::span<const float> sum = reduce_once(*reducer, communicator, slices, 0);
  for (std::size_t i = 0; i < elements; ++i) {
    double expected = 0;
    double size = 0;
    for (int slice = 0; slice < slices; ++slice) {
      expected += gradient_value(0, slice, i);
      size += std::abs(gradient_value(0, slice, i));
    }
    ASSERT_NEAR(sum[i], expected, 1e-6 * size) << "element " << i;
  }
  const NamedBytes array{"sum", std::as_bytes(sum)};
  const Status same = check_replicas(communicator, {&array, 1});
  EXPECT_TRUE(same.ok()) << same.ToString();
}

}  // namespace lockstep
