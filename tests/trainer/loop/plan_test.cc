#include "trainer/loop/plan.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace lockstep {
namespace {

proto::Model model(const std::string& text) {
  proto::Model parsed;
  CHECK(google::protobuf::TextFormat::ParseFromString(text, &parsed), "{}", text);
  return parsed;
}

TEST(AdoptPlan, TakesOverWhatIsLeftOpen) {
  proto::Model mine = model(R"(
    layer { convolution { filters: 16 kernel: 3 plan { forward: DIRECT } } }
    layer { residual { body { convolution { filters: 16 kernel: 3 } } } })");
  adopt_plan(model(R"(
    layer { convolution { filters: 16 kernel: 3 plan { forward: WINOGRAD data: WINOGRAD weights: DIRECT } } }
    layer { residual { body { convolution { filters: 16 kernel: 3 plan { weights: WINOGRAD } } } } })"),
             mine);
  const proto::Model expected = model(R"(
    layer { convolution { filters: 16 kernel: 3 plan { forward: DIRECT data: WINOGRAD weights: DIRECT } } }
    layer { residual { body { convolution { filters: 16 kernel: 3
                                            plan { forward: AUTOMATIC data: AUTOMATIC weights: WINOGRAD } } } } })");
  EXPECT_EQ(mine.DebugString(), expected.DebugString());
}

TEST(AdoptPlan, LeavesAnotherNetworkAsItIs) {
  const proto::Model before = model("layer { convolution { filters: 16 kernel: 3 } } layer { relu {} }");
  for (const char* const stored :
       {"layer { convolution { filters: 16 kernel: 3 plan { data: DIRECT } } }",
        "layer { dense { units: 3 } } layer { relu {} }", "layer { convolution { filters: 16 } } layer { relu {} }"}) {
    proto::Model mine = before;
    adopt_plan(model(stored), mine);
    EXPECT_EQ(mine.DebugString(), before.DebugString()) << stored;
  }
}

}  // namespace
}  // namespace lockstep
