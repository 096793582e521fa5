// Arrays that make_fixtures.py stored: records of one text line "NAME EXTENT EXTENT ..." and then the values,
// little-endian float32, row-major.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace lockstep {

using Fixture = std::map<std::string, std::vector<float>>;

// The records of tests/golden/<name>. A file that is missing or cut short ends the test program.
Fixture read_fixture(const std::string& name);

}  // namespace lockstep
