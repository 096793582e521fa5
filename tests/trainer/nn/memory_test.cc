// Arrays that share memory, against the slow twin in which each has its own.
#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/nn/network_under_test.h"
#include "trainer/nn/plans/memory_plan.h"

namespace lockstep {
namespace {

constexpr const char* kModel = R"(
  layer { convolution { filters: 24 kernel: 3 padding: SAME } }
  layer { batch_norm { relu: true } }
  layer { dropout { rate: 0.4 } }
  layer { max_pooling { kernel: 2 } }
  layer { residual {
    body { convolution { filters: 40 kernel: 3 padding: SAME } } body { batch_norm { relu: true } }
    body { convolution { filters: 40 kernel: 3 padding: SAME } } body { dropout { rate: 0.1 } }
    shortcut { convolution { filters: 40 kernel: 1 } } } }
  layer { residual { body { convolution { filters: 40 kernel: 3 padding: SAME } } body { tanh {} } } }
  layer { average_pooling { kernel: 2 } }
  layer { dense { units: 33 } } layer { batch_norm { relu: true } } layer { sigmoid {} }
  layer { dense { units: 5 } })";

class SharedMemory : public testing::TestWithParam<Precision> {
 protected:
  static NetworkUnderTest make(bool shared) {
    NetworkOptions options{.image = {3, 12, 10}, .classes = 5, .slice_rows = 6, .seed = 2};
    options.precision = GetParam();
    options.share_memory = shared;
    return NetworkUnderTest(kModel, options);
  }
};

// Several passes of both kinds in turn: what one leaves behind must not reach the next.
TEST_P(SharedMemory, ChangesNoBit) {
  NetworkUnderTest shared = make(true);
  NetworkUnderTest apart = make(false);
  EXPECT_LT(shared.network->memory_bytes(), apart.network->memory_bytes());
  for (std::uint32_t seed = 1; seed < 4; ++seed) {
    const Rows rows = random_rows(shared.network->options(), seed);
    EXPECT_EQ(shared.train(rows, 1).loss_sum, apart.train(rows, 1).loss_sum);
    EXPECT_TRUE(std::ranges::equal(shared.gradient_array.span(), apart.gradient_array.span()));
    shared.network->evaluate_slice(rows.slice(), 6);
    apart.network->evaluate_slice(rows.slice(), 6);
    EXPECT_TRUE(std::ranges::equal(shared.network->logits(), apart.network->logits()));
    for (NetworkUnderTest* const each : {&shared, &apart}) {
      each->randomize(seed);
      each->network->parameters_changed();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, SharedMemory, testing::Values(Precision::kFp32, Precision::kBf16),
                         [](const auto& tested) { return tested.param == Precision::kFp32 ? "Fp32" : "Bf16"; });

TEST(MemoryPlan, ArraysShareAPlaceOnlyWhenNeverNeededAtOnce) {
  MemoryPlan plan;
  const Slot first = plan.add(160);
  const Slot second = plan.add(32);
  const Slot third = plan.add(160);     // when the first is done
  const Slot evaluated = plan.add(16);  // never while training
  const Slot kept = plan.add(48);
  plan.use(first, Sequence::kTraining, 0);
  plan.use(first, Sequence::kTraining, 3);
  plan.use(second, Sequence::kTraining, 2);
  plan.use(third, Sequence::kTraining, 4);
  plan.use(evaluated, Sequence::kEvaluation, 0);
  plan.keep(kept);
  plan.arrange(/*shared=*/true);
  EXPECT_EQ(plan.elements(), 160U + 48 + 32);
  plan.allocate();
  EXPECT_EQ(plan.data(first), plan.data(third));
  EXPECT_EQ(plan.data(first), plan.data(evaluated));
  EXPECT_GE(plan.data(kept), plan.data(first) + 160);
  EXPECT_GE(plan.data(second), plan.data(first) + 160);

  plan.arrange(/*shared=*/false);
  EXPECT_EQ(plan.elements(), 160U + 32 + 160 + 16 + 48);
}

// Values, what is made of them one by one, and a third array.
struct ThreeArrays {
  MemoryPlan plan;
  Slot input = plan.add(64);
  Slot output = plan.add(64);
  Slot other = plan.add(64);

  ThreeArrays() {
    plan.use(input, Sequence::kTraining, 0);
    plan.use(input, Sequence::kTraining, 1);
    plan.use(output, Sequence::kTraining, 1);
    plan.use(output, Sequence::kTraining, 4);
    plan.may_overwrite(output, input);
  }
  bool overwrites() {
    plan.arrange(/*shared=*/true);
    plan.allocate();
    return plan.data(output) == plan.data(input);
  }
};

TEST(MemoryPlan, AStepWritesOverWhatNobodyReadsAgain) {
  EXPECT_TRUE(ThreeArrays().overwrites());
  ThreeArrays read_again;
  read_again.plan.use(read_again.input, Sequence::kTraining, 2);
  EXPECT_FALSE(read_again.overwrites());
  ThreeArrays read_in_evaluation;
  read_in_evaluation.plan.use(read_in_evaluation.input, Sequence::kEvaluation, 5);
  EXPECT_TRUE(read_in_evaluation.overwrites()) << "the output is not needed there";
  ThreeArrays both_in_evaluation;
  both_in_evaluation.plan.use(both_in_evaluation.input, Sequence::kEvaluation, 5);
  both_in_evaluation.plan.use(both_in_evaluation.output, Sequence::kEvaluation, 3);
  EXPECT_FALSE(both_in_evaluation.overwrites());
  ThreeArrays not_shared;
  not_shared.plan.arrange(/*shared=*/false);
  EXPECT_EQ(not_shared.plan.elements(), 128U);
}

// One that is taken is needed as long as what was written over it.
TEST(MemoryPlan, OfSeveralInputsTheFirstThatIsFreeIsTaken) {
  ThreeArrays arrays;
  arrays.plan.use(arrays.other, Sequence::kTraining, 2);
  arrays.plan.use(arrays.other, Sequence::kTraining, 4);
  arrays.plan.may_overwrite(arrays.other, arrays.input);   // the output of the first took it
  arrays.plan.may_overwrite(arrays.other, arrays.output);  // read again at 4
  EXPECT_TRUE(arrays.overwrites());
  EXPECT_NE(arrays.plan.data(arrays.other), arrays.plan.data(arrays.output));

  ThreeArrays chain;
  chain.plan.use(chain.other, Sequence::kTraining, 4);
  chain.plan.may_overwrite(chain.other, chain.output);
  EXPECT_TRUE(chain.overwrites());
  EXPECT_EQ(chain.plan.data(chain.other), chain.plan.data(chain.input));
}

// Two parts and what has both, read after they are.
struct PartsOfAWhole {
  MemoryPlan plan;
  Slot left = plan.add(32);
  Slot right = plan.add(16);
  Slot whole = plan.add(48);

  PartsOfAWhole() {
    plan.use(left, Sequence::kTraining, 1);
    plan.use(right, Sequence::kTraining, 2);
    for (const Slot each : {left, right, whole}) plan.use(each, Sequence::kTraining, 3);
    plan.use(whole, Sequence::kTraining, 5);
    plan.may_lie_in(left, whole, 0);
    plan.may_lie_in(right, whole, 32);
  }
  void arrange() {
    plan.arrange(/*shared=*/true);
    plan.allocate();
  }
  // By the array's place in the whole; -1 where it lies elsewhere.
  std::ptrdiff_t inside(Slot slot) {
    const std::ptrdiff_t offset = plan.data(slot) - plan.data(whole);
    return offset >= 0 && offset < 48 ? offset : -1;
  }
};

TEST(MemoryPlan, PartsLieInTheirWhole) {
  PartsOfAWhole it;
  const Slot between = it.plan.add(16);  // while the parts wait
  it.plan.use(between, Sequence::kTraining, 2);
  it.arrange();
  EXPECT_EQ(it.inside(it.left), 0);
  EXPECT_EQ(it.inside(it.right), 32);
  EXPECT_EQ(it.inside(between), -1);
  EXPECT_EQ(it.plan.elements(), 48U + 16);
  PartsOfAWhole apart;
  apart.plan.arrange(/*shared=*/false);
  EXPECT_EQ(apart.plan.elements(), 96U);
}

TEST(MemoryPlan, APartLiesInOneWholeAndOnce) {
  PartsOfAWhole it;
  const Slot other = it.plan.add(64);
  it.plan.use(it.left, Sequence::kTraining, 4);
  it.plan.use(other, Sequence::kTraining, 4);
  it.plan.may_lie_in(it.left, other, 0);
  it.plan.may_lie_in(it.whole, other, 16);  // as a chain of them does
  it.arrange();
  EXPECT_EQ(it.inside(it.left), 0);
  EXPECT_EQ(it.plan.data(it.whole) - it.plan.data(other), 16);
  EXPECT_EQ(it.plan.elements(), 64U);
}

// Of a part: when neither it nor the whole is read again. What is written over it lies in the whole.
TEST(MemoryPlan, APartIsOverwrittenWhenItsWholeIsDone) {
  for (const int time : {4, 5}) {
    PartsOfAWhole it;
    const Slot output = it.plan.add(16);
    it.plan.use(output, Sequence::kTraining, time);
    it.plan.may_overwrite(output, it.right);
    it.arrange();
    EXPECT_EQ(it.inside(output), time == 5 ? 32 : -1) << time;
  }
}

TEST(MemoryPlan, WhatAPartIsMadeOfLiesThereToo) {
  PartsOfAWhole it;
  const Slot input = it.plan.add(16);
  it.plan.use(input, Sequence::kTraining, 0);
  it.plan.use(input, Sequence::kTraining, 2);
  it.plan.may_overwrite(it.right, input);
  it.arrange();
  EXPECT_EQ(it.inside(input), 32);
  EXPECT_EQ(it.plan.elements(), 48U);
}

// It would be written over with them.
TEST(MemoryPlan, AWholeIsNotOverwrittenWhileAPartIsRead) {
  for (const bool is_read : {false, true}) {
    PartsOfAWhole it;
    const Slot output = it.plan.add(48);
    if (is_read) it.plan.use(it.left, Sequence::kTraining, 7);
    it.plan.use(output, Sequence::kTraining, 5);
    it.plan.may_overwrite(output, it.whole);
    it.arrange();
    EXPECT_EQ(it.inside(output), is_read ? -1 : 0);
  }
}

}  // namespace
}  // namespace lockstep
