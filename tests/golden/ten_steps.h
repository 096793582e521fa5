// Ten steps of training of a network, against those of a fixture.
#pragma once

#include <string>
#include <vector>

#include "tests/golden/fixture.h"
#include "tests/trainer/nn/network_under_test.h"

namespace lockstep {

// Trains the network on the rows, whose targets move on by one row at each step, and says where that led elsewhere than
// the fixture has under NAME/: losses, parameters, running statistics, and then outputs of evaluation. optimizer: text
// proto. `tolerance` is as of differences().
std::vector<std::string> differences_of_ten_steps(NetworkUnderTest& under_test, Rows rows, const std::string& optimizer,
                                                  float learning_rate, const Fixture& fixture, const std::string& name,
                                                  double tolerance);

}  // namespace lockstep
