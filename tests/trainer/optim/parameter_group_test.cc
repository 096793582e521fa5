#include "trainer/optim/parameter_group.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/text_proto.h"
#include "tests/trainer/optim/small_arena.h"
#include "trainer/optim/optimizer.h"

namespace lockstep {
namespace {

TEST(ParameterRuns, CoverTheArenaWithFewRuns) {
  const auto runs = parameter_runs(parse("weight_decay: 0.5"), {}, small_parameters(), 96);
  ASSERT_EQ(runs.size(), 4U);
  const std::size_t bounds[] = {0, 48, 54, 89, 96};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(runs[i].begin, bounds[i]);
    EXPECT_EQ(runs[i].end, bounds[i + 1]);
    EXPECT_EQ(runs[i].treatment, (Treatment{i % 2 == 0 ? 0.5F : 0.0F, 1}));
  }
}

TEST(ParameterRuns, AreOneWhenAllTensorsAreTreatedAlike) {
  EXPECT_EQ(parameter_runs(parse(""), {}, small_parameters(), kElements).size(), 1U);
  EXPECT_EQ(parameter_runs(parse("weight_decay: 0.5 decay_all: true"), {}, small_parameters(), kElements).size(), 1U);
  EXPECT_EQ(
      parameter_runs(parse(""), groups("parameters { match: '*' rate_scale: 0.1 }"), small_parameters(), kElements)
          .size(),
      1U);
  EXPECT_TRUE(parameter_runs(parse(""), {}, {}, 0).empty());
}

TEST(ParameterGroups, TheLastThatMatchesCounts) {
  const auto of = [](std::size_t tensor) {
    return treatment_of(
        small_parameters()[tensor], parse("weight_decay: 0.5"),
        groups("parameters { match: '*' rate_scale: 0.1 } parameters { match: 'dense_1/*' weight_decay: 2 }"
               "parameters { match: '*/shift' rate_scale: 3 }"));
  };
  EXPECT_EQ(of(0), (Treatment{0.5F, 0.1F}));
  EXPECT_EQ(of(1), (Treatment{0, 0.1F}));
  EXPECT_EQ(of(2), (Treatment{0, 3}));
  EXPECT_EQ(of(3), (Treatment{2, 1}));
  EXPECT_EQ(of(4), (Treatment{0, 1})) << "a bias has none unless all have";
}

TEST(ParameterGroups, HaveAnL1PenaltyOfTheirOwn) {
  const auto of = [](std::size_t tensor, const std::string& spec) {
    return treatment_of(small_parameters()[tensor], parse(spec),
                        groups("parameters { match: 'dense_1/*' l1_decay: 2 }"));
  };
  EXPECT_EQ(of(0, "l1_decay: 0.5 weight_decay: 0.1"), (Treatment{0.1F, 1, false, 0.5F}));
  EXPECT_EQ(of(1, "l1_decay: 0.5"), (Treatment{}));
  EXPECT_EQ(of(3, "l1_decay: 0.5 weight_decay: 0.1"), (Treatment{0.1F, 1, false, 2}));
  EXPECT_EQ(of(3, ""), (Treatment{0, 1, false, 2}));
  EXPECT_EQ(of(4, "l1_decay: 0.5"), (Treatment{}));
  EXPECT_EQ(of(1, "l1_decay: 0.5 decay_all: true"), (Treatment{0, 1, false, 0.5F}));
  EXPECT_EQ(of(4, "decay_all: true"), (Treatment{0, 1, false, 2}));
}

TEST(ParameterGroups, PatternsAreWholeNames) {
  for (const char* pattern : {"a/b/weights", "*", "a/*", "*/weights", "a/*/weights", "*b*", "a*s", "**/weights**"}) {
    EXPECT_TRUE(matches(pattern, "a/b/weights")) << pattern;
  }
  for (const char* pattern : {"", "a", "b/*", "*/weight", "a/*/b/weights", "*c*", "a/b/weights/*", "A/*"}) {
    EXPECT_FALSE(matches(pattern, "a/b/weights")) << pattern;
  }
  EXPECT_TRUE(matches("*ab*ab", "aabab"));
  EXPECT_FALSE(matches("*ab*ab", "aab"));
}

TEST(ParameterGroups, OneThatMatchesNothingIsAFault) {
  Faults faults;
  check_groups(small_parameters(), {}, groups("parameters { match: '*' } parameters { match: 'dense_1/wieghts' }"),
               faults);
  EXPECT_EQ(faults.status("job").message(),
            "job: parameters[1].match: expected a pattern of names of tensors, as \"convolution_1/weights\"; "
            "\"dense_1/wieghts\" matches none; did you mean \"dense_1/weights\"?");
}

TEST(ParameterGroups, OneThatIsFrozenSaysNoMore) {
  const ParameterGroups frozen = groups("parameters { match: '*' frozen: true } parameters { match: '*/bias' }");
  EXPECT_TRUE(is_frozen("dense_1/weights", frozen));
  EXPECT_FALSE(is_frozen("dense_1/bias", frozen)) << "the last that matches counts";
  EXPECT_FALSE(is_frozen("dense_1/weights", {}));
  Faults faults;
  check_groups({}, small_parameters(), frozen, faults);
  EXPECT_TRUE(faults.empty());
  check_groups(small_parameters(), {},
               groups("parameters { match: '*' frozen: true rate_scale: 0.1 }"
                      "parameters { match: '*' frozen: true weight_decay: 0 }"
                      "parameters { match: '*' frozen: true l1_decay: 0 }"),
               faults);
  const std::string why =
      "what is frozen has neither rate_scale nor weight_decay nor l1_decay: leave out one or the other";
  EXPECT_EQ(faults.status("job").message(), "job: parameters[0].frozen: " + why + "\njob: parameters[1].frozen: " +
                                                why + "\njob: parameters[2].frozen: " + why);
}

// Against an optimizer for all that has the rate and the decays of the group.
TEST(ParameterGroups, AreUpdatedAsByAnOptimizerOfTheirOwn) {
  for (const char* kind : {"sgd { nesterov: true }", "adam {}", "adam_w {}", "rms_prop { momentum: 0.5 }"}) {
    const std::string decayed = std::string(kind) + " weight_decay: 0.5 l1_decay: 0.25";
    std::vector<float> values = normal_values(1), others = values, own = values;
    const auto all = Optimizer::make(parse(kind), small_parameters(), kElements,
                                     groups("parameters { match: 'dense_1/*' rate_scale: 0.25 weight_decay: 0.5 "
                                            "l1_decay: 0.25 }"));
    const auto outside = Optimizer::make(parse(kind), small_parameters(), kElements);
    const auto inside = Optimizer::make(parse(decayed), small_parameters(), kElements);
    for (int step = 1; step <= 3; ++step) {
      const std::vector<float> gradients = normal_values(100 + std::uint32_t(step));
      all->update(values, gradients, 1, 0.1F, step);
      outside->update(others, gradients, 1, 0.1F, step);
      inside->update(own, gradients, 1, 0.25F * 0.1F, step);
    }
    for (std::size_t i = 0; i < kElements; ++i) EXPECT_EQ(values[i], i < 54 ? others[i] : own[i]) << kind << i;
    EXPECT_NE(others, own);
  }
}

}  // namespace
}  // namespace lockstep
