#include "coordinator/search/space.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "coordinator/search/history.h"
#include "proto/job.pb.h"
#include "tests/coordinator/search/random_space.h"
#include "tests/coordinator/search/test_functions.h"

namespace lockstep {
namespace {

double number_at(const SearchSpace& space, double coordinate) {
  return space.at(std::vector<double>{coordinate})[0].number();
}

TEST(Space, EndsAndMiddleOfAFloat) {
  const SearchSpace linear(parameters_of("parameter { name: 'x' path: 'p' float { min: -1 max: 3 } }"));
  EXPECT_EQ(number_at(linear, 0), -1);
  EXPECT_EQ(number_at(linear, 0.5), 1);
  EXPECT_EQ(number_at(linear, 1), 3);
  const SearchSpace log(parameters_of("parameter { name: 'x' path: 'p' float { min: 1e-4 max: 1 log: true } }"));
  EXPECT_EQ(number_at(log, 0), 1e-4);
  EXPECT_NEAR(number_at(log, 0.5), 1e-2, 1e-15);
  EXPECT_EQ(number_at(log, 1), 1);
}

TEST(Space, BinsAreEqual) {
  for (const char* domain : {"path: 'p' int { min: -2 max: 2 }",
                             "path: 'p' discrete { value: -2 value: -1 value: 0 "
                             "value: 1 value: 2 }"}) {
    const SearchSpace space(parameters_of(fmt::format("parameter {{ name: 'x' {} }}", domain)));
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(number_at(space, (i + 0.5) / 1000), -2 + i / 200) << domain;
    EXPECT_EQ(number_at(space, 1), 2);
  }
}

TEST(Space, LogarithmicInt) {
  const SearchSpace space(parameters_of("parameter { name: 'x' path: 'p' int { min: 1 max: 64 log: true } }"));
  std::map<double, int> seen;
  for (int i = 0; i <= 20000; ++i) ++seen[number_at(space, i / 20000.0)];
  ASSERT_EQ(seen.size(), 64U);
  for (const auto& [value, count] : seen) {
    const double share = std::log((value + 0.5) / (value - 0.5)) / std::log(64.5 / 0.5);
    EXPECT_NEAR(count, 20000 * share, 2) << value;
  }
}

TEST(Space, RoundTrip) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Parameters parameters = random_parameters(seed);
    const SearchSpace space(parameters);
    Draws draws("test", seed, 0);
    for (int i = 0; i < 20; ++i) {
      const Point point = draws.point(space.dimensions());
      const std::vector<proto::Assignment> there = space.at(point);
      ASSERT_EQ(fault_in(parameters, there), "");
      const std::vector<double> back = space.unit_of(there);
      EXPECT_EQ(back, space.snapped(point));
      const std::vector<proto::Assignment> again = space.at(back);
      ASSERT_EQ(again.size(), there.size());
      for (std::size_t a = 0; a < there.size(); ++a) {
        EXPECT_EQ(again[a].choice(), there[a].choice());
        EXPECT_NEAR(again[a].number(), there[a].number(), 1e-12 * (1 + std::abs(there[a].number())));
      }
      for (int d = 0; d < space.dimensions(); ++d) {
        if (!space.has(point, d)) {
          EXPECT_EQ(back[d], 0.5);
        } else if (std::isinf(space.values(d))) {
          EXPECT_NEAR(back[d], point[d], 1e-9);
        }
      }
    }
  }
}

TEST(Space, ConditionOnAnAbsentParameterDoesNotHold) {
  const SearchSpace space(parameters_of(R"(
    parameter { name: 'a' categorical { choice { name: 'x' } choice { name: 'y' } } }
    parameter { name: 'b' categorical { choice { name: 'x' } choice { name: 'y' } } condition { parameter: 'a' is: 'x' } }
    parameter { name: 'c' path: 'p' float { min: 0 max: 1 } condition { parameter: 'b' is: 'x' is: 'y' } })"));
  EXPECT_EQ(space.at(std::vector<double>{0.2, 0.2, 0.2}).size(), 3U);
  EXPECT_EQ(space.at(std::vector<double>{0.8, 0.2, 0.2}).size(), 1U);
  EXPECT_TRUE(space.has(std::vector<double>{0.2, 0.2, 0.2}, 2));
  EXPECT_FALSE(space.has(std::vector<double>{0.8, 0.2, 0.2}, 2));
}

TEST(Space, OverridesSetTheFieldsOfAJob) {
  const Parameters parameters = parameters_of(R"(
    parameter { name: 'stem' categorical { choice { name: 'plain' }
      choice { name: 'adam' set: 'optimizer={adam {}}' set: 'schedule={cosine {}}' } } }
    parameter { name: 'beta' path: 'optimizer.adam.beta1' float { min: 0.1 max: 0.7 } condition { parameter: 'stem' is: 'adam' } }
    parameter { name: 'rate' path: 'schedule.cosine.learning_rate' float { min: 1e-7 max: 1e-6 log: true } }
    parameter { name: 'seed' path: 'seed' int { min: 1 max: 9007199254740992 } }
    parameter { name: 'batch' path: 'batch' discrete { value: 32 value: 131072 } })");
  const SearchSpace space(parameters);
  const std::vector<double> unit{0.9, 0.5, 0.25, 1, 1};
  const std::vector<std::string> lines = overrides(parameters, space.at(unit));
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0], "optimizer={adam {}}");
  EXPECT_EQ(lines[1], "schedule={cosine {}}");
  EXPECT_EQ(lines[4], "seed=9007199254740992");
  EXPECT_EQ(lines[5], "batch=131072");
  proto::Job job;
  Faults faults;
  for (const std::string& line : lines) set_by_path(line, job, faults);
  ASSERT_TRUE(faults.empty()) << faults.status("--set");
  EXPECT_FLOAT_EQ(job.optimizer().adam().beta1(), 0.4F);
  EXPECT_EQ(job.schedule().cosine().learning_rate(), static_cast<float>(space.at(unit)[2].number()));
  EXPECT_EQ(job.seed(), std::uint64_t(1) << 53);
  EXPECT_EQ(job.batch(), 131072);
  // A number is printed so that it is read again as the same.
  EXPECT_EQ(std::stod(lines[3].substr(lines[3].find('=') + 1)), space.at(unit)[2].number());

  EXPECT_EQ(overrides(parameters, space.at(std::vector<double>{0.1, 0.5, 0.25, 0, 0})).size(), 3U);
}

}  // namespace
}  // namespace lockstep
