// Every way in which a search space can be wrong, and that all of them are told at once.
#include <algorithm>

#include <gtest/gtest.h>

#include "coordinator/search/space.h"
#include "tests/coordinator/search/test_functions.h"

namespace lockstep {
namespace {

std::string faults_of(const Parameters& parameters) {
  Faults faults;
  check_parameters(parameters, "parameter", faults);
  return std::string(faults.status("f").message());
}

TEST(CheckParameters, AdmitsEveryKind) {
  EXPECT_EQ(faults_of(parameters_of(R"(
    parameter { name: 'optimizer' categorical { choice { name: 'sgd' set: 'optimizer={sgd {}}' } choice { name: 'adam' } } }
    parameter { name: 'rate' path: 'schedule.constant.learning_rate' float { min: 1e-5 max: 1 log: true } }
    parameter { name: 'momentum' path: 'optimizer.sgd.momentum' float { min: 0 max: 0.99 }
                condition { parameter: 'optimizer' is: 'sgd' } }
    parameter { name: 'batch' path: 'batch' int { min: 16 max: 16 log: true } }
    parameter { name: 'a.b_c-9' path: 'slices' discrete { value: -1 value: 0 value: 8 } })")),
            "");
}

TEST(CheckParameters, TellsEveryFaultAtOnce) {
  const std::string faults = faults_of(parameters_of(R"(
    parameter { name: 'a' path: 'p' }
    parameter { name: 'a' path: 'p' float { min: 2 max: 1 } }
    parameter { name: 'two words' path: 'p' float { min: 0 max: 1 log: true } }
    parameter { path: 'p' int { min: 0 max: 1 log: true } }
    parameter { name: 'b' path: 'p' int { min: 3 max: 2 } }
    parameter { name: 'c' path: 'p' int { min: 0 max: 9007199254740993 } }
    parameter { name: 'd' path: 'p' discrete {} }
    parameter { name: 'e' path: 'p' discrete { value: 1 value: 1 value: inf } }
    parameter { name: 'f' categorical {} }
    parameter { name: 'g' path: 'p' categorical { choice { name: 'x' } choice { name: 'x' } choice { name: 'y' } } }
    parameter { name: 'h' float { min: -inf max: inf } }
    parameter { name: 'i' path: 'p' int { min: 0 max: 1 } condition { parameter: 'j' is: 'x' } }
    parameter { name: 'j' path: 'p' int { min: 0 max: 1 } condition { parameter: 'i' is: 'x' } }
    parameter { name: 'k' path: 'p' int { min: 0 max: 1 } condition { parameter: 'g' } }
    parameter { name: 'l' path: 'p' int { min: 0 max: 1 } condition { parameter: 'g' is: 'y' is: 'z' } })"));
  int expected = 0;
  for (const std::string_view fault : {
           "parameter[0]: expected one of float, int, discrete, categorical",
           "parameter[1].name: expected a name of its own, got \"a\" again",
           "parameter[1].float.max: expected at least min, 2, got 1",
           "parameter[2].name: expected 1 to 64 letters, digits, or any of _ . -, got \"two words\"",
           "parameter[2].float.min: expected more than 0 on a logarithmic scale, got 0",
           "parameter[3].name: expected 1 to 64 letters",
           "parameter[3].int.min: expected more than 0",
           "parameter[4].int.max: expected at least min, 3, got 2",
           "parameter[5].int.max: expected -2^53 to 2^53",
           "parameter[6].discrete.value: expected at least one value",
           "parameter[7].discrete.value[1]: expected more than the value before, 1, got 1",
           "parameter[7].discrete.value[2]: expected a finite number",
           "parameter[8].categorical.choice: expected at least one choice",
           "parameter[9].path: expected none",
           "parameter[9].categorical.choice[1].name: expected a name of its own, got \"x\" again",
           "parameter[10].path: expected the field of the job",
           "parameter[10].float.min: expected a finite number",
           "parameter[10].float.max: expected a finite number",
           "parameter[11].condition.parameter: expected a categorical parameter above this one, got \"j\"",
           "parameter[12].condition.parameter: expected a categorical parameter above this one, got \"i\"",
           "parameter[13].condition.is: expected at least one name",
           "parameter[14].condition.is[1]: expected a choice of g, got \"z\"",
       }) {
    EXPECT_NE(faults.find(fault), std::string::npos) << fault;
    ++expected;
  }
  EXPECT_EQ(std::count(faults.begin(), faults.end(), '\n') + 1, expected) << faults;
}

TEST(CheckParameters, HasLimits) {
  Parameters many;
  for (int i = 0; i <= 100; ++i) {
    proto::Parameter& parameter = *many.Add();
    parameter.set_name(fmt::format("p{}", i));
    for (int c = 0; c < 10; ++c) parameter.mutable_categorical()->add_choice()->set_name(fmt::format("c{}", c));
  }
  many[1].set_name(std::string(65, 'n'));
  many[2].set_path("p");
  for (int value = 0; value <= 1000; ++value) many[2].mutable_discrete()->add_value(value);
  many[3].mutable_categorical()->add_choice()->set_name(std::string(64, 'n'));
  const std::string faults = faults_of(many);
  for (const std::string_view fault : {
           "parameter: expected at most 100 parameters, got 101",
           "parameter: expected at most 1000 choices in all, got 1001",
           "parameter[1].name: expected 1 to 64",
           "parameter[2].discrete.value: expected at most 1000, got 1001",
       }) {
    EXPECT_NE(faults.find(fault), std::string::npos) << fault;
  }
  EXPECT_EQ(std::count(faults.begin(), faults.end(), '\n') + 1, 4) << faults;
}

// Each of these took minutes when all names were compared with all others.
TEST(CheckParameters, HostileSizesAreRefusedAtOnce) {
  Parameters many;
  for (int i = 0; i < 100'000; ++i) many.Add()->set_name("p");
  EXPECT_NE(faults_of(many).find("expected at most 100 parameters, got 100000"), std::string::npos);
  Parameters names = parameters_of("parameter { name: 'a' categorical {} } parameter { name: 'b' condition {} }");
  names[0].mutable_categorical()->add_choice()->set_name(std::string(1'000'000, 'x'));
  names[1].mutable_condition()->set_parameter("a");
  names[1].mutable_condition()->add_is(std::string(999'999, 'x'));
  EXPECT_NE(faults_of(names).find("parameter[1].condition.is[0]: expected a choice of a"), std::string::npos);
  for (int i = 0; i < 100'000; ++i) {
    names[0].mutable_categorical()->add_choice()->set_name(fmt::format("choice{}", i));
    names[1].mutable_condition()->add_is(fmt::format("other{}", i));
  }
  EXPECT_NE(faults_of(names).find("parameter[1].condition.is: expected at most 1000, got 100001"), std::string::npos);
}

TEST(CheckParameters, WantsOneAtLeast) {
  EXPECT_EQ(faults_of({}), "f: parameter: expected at least one parameter: what is searched for");
}

TEST(CheckParameters, DoesNotRepeatWhatIsKnown) {
  const Parameters parameters = parameters_of("parameter { path: 'p' float { min: 0 max: 1 } }");
  Faults faults;
  faults.add("parameter[0].name", "is missing");
  check_parameters(parameters, "parameter", faults);
  EXPECT_EQ(faults.status("f").message(), "f: parameter[0].name: is missing");
}

}  // namespace
}  // namespace lockstep
