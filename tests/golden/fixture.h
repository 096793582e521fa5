// Arrays that make_fixtures.py stored: records of one text line "NAME EXTENT EXTENT ..." and then the values,
// little-endian float32, row-major.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace lockstep {

using Fixture = std::map<std::string, std::vector<float>>;

// The records of tests/golden/<name>. A file that is missing or cut short ends the test program.
Fixture read_fixture(const std::string& name);

// Empty when `got` is what the fixture has under `name`, up to `tolerance` times the largest value there; else a line.
std::vector<std::string> differences(const Fixture& fixture, const std::string& name, std::span<const float> got,
                                     double tolerance);

}  // namespace lockstep
