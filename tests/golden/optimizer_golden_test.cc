// Ten steps of each optimizer on given gradients, against PyTorch.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/job.pb.h"
#include "tests/golden/fixture.h"
#include "trainer/optim/optimizer.h"

namespace lockstep {
namespace {

struct Case {
  const char* name;  // in the fixture
  const char* spec;
  float learning_rate;
};

const Case kCases[] = {
    {"sgd", "sgd { momentum: 0 }", 0.1F},
    {"momentum", "weight_decay: 0.01", 0.1F},
    {"nesterov", "sgd { nesterov: true } weight_decay: 0.01", 0.1F},
    {"adam", "adam {}", 0.01F},
    {"adam_with_options", "adam { beta1: 0.8 beta2: 0.99 epsilon: 0.001 } weight_decay: 0.1", 0.01F},
    {"adam_w", "adam_w {} weight_decay: 0.5", 0.01F},
    {"adam_w_with_options", "adam_w { beta1: 0.8 beta2: 0.99 epsilon: 0.001 } weight_decay: 1", 0.01F},
    {"adam_w_with_l1", "adam_w {} weight_decay: 0.5 l1_decay: 0.2", 0.01F},
    {"rms_prop", "rms_prop {}", 0.01F},
    {"rms_prop_with_options", "rms_prop { alpha: 0.9 epsilon: 0.001 } weight_decay: 0.1", 0.01F},
    {"rms_prop_with_momentum", "rms_prop { momentum: 0.9 } weight_decay: 0.1", 0.01F},
    {"rms_prop_centered", "rms_prop { centered: true }", 0.01F},
    {"rms_prop_of_all", "rms_prop { alpha: 0.9 epsilon: 0.001 momentum: 0.9 centered: true } weight_decay: 0.1", 0.01F},
    {"rms_prop_with_l1", "rms_prop {} l1_decay: 0.2", 0.01F},
    {"nesterov_with_l1", "sgd { nesterov: true } weight_decay: 0.01 l1_decay: 0.2", 0.1F},
    {"adam_with_l1", "adam {} l1_decay: 0.2", 0.01F},
};

// Values stay below 4, and each step rounds about five times, by at most half a unit in the last place of 4 (2.4e-7).
TEST(OptimizerGolden, TenStepsAgreeWithPyTorch) {
  const Fixture fixture = read_fixture("optimizer.fixture");
  const std::vector<float>& initial = fixture.at("initial");
  const std::vector<float>& gradients = fixture.at("gradients");
  const std::size_t elements = initial.size();
  const TensorInfo tensor{"dense_1/weights", {std::int64_t(elements)}, 0, elements, true};
  for (const Case& row : kCases) {
    proto::Optimizer spec;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(row.spec, &spec)) << row.spec;
    const auto optimizer = Optimizer::make(spec, {&tensor, 1}, elements);
    std::vector<float> values = initial;
    for (std::size_t step = 0; step < gradients.size() / elements; ++step) {
      optimizer->update(values, std::span(gradients).subspan(step * elements, elements), 1, row.learning_rate,
                        std::int64_t(step) + 1);
    }
    const std::vector<float>& expected = fixture.at(std::string("after/") + row.name);
    for (std::size_t i = 0; i < elements; ++i) EXPECT_NEAR(values[i], expected[i], 1.2e-5) << row.name << " " << i;
  }
}

}  // namespace
}  // namespace lockstep
