#include "tests/golden/fixture.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "storage/base/status.h"

namespace lockstep {

Fixture read_fixture(const std::string& name) {
  const std::string path = std::string(LOCKSTEP_GOLDEN_DIRECTORY) + "/" + name;
  std::ifstream file(path, std::ios::binary);
  Fixture fixture;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string array;
    words >> array;
    std::size_t elements = 1;
    for (std::size_t extent = 0; words >> extent;) elements *= extent;
    std::vector<float>& values = fixture[array];
    values.resize(elements);
    file.read(reinterpret_cast<char*>(values.data()), std::streamsize(elements * sizeof(float)));
    CHECK(file.good(), "{} ends inside {}", path, array);
  }
  CHECK(!fixture.empty(), "{} holds nothing; make it with tests/golden/make_fixtures.py", path);
  return fixture;
}

std::vector<std::string> differences(const Fixture& fixture, const std::string& name, std::span<const float> got,
                                     double tolerance) {
  const std::vector<float>& expected = fixture.at(name);
  if (got.size() != expected.size()) {
    return {fmt::format("{}: {} values, {} expected", name, got.size(), expected.size())};
  }
  double largest = 0;
  double difference = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(got[i])) return {fmt::format("{}: {} at {}", name, got[i], i)};
    largest = std::max(largest, std::abs(double(expected[i])));
    difference = std::max(difference, std::abs(double(got[i]) - double(expected[i])));
  }
  if (difference <= tolerance * largest) return {};
  return {fmt::format("{}: off by {}, largest value {}", name, difference, largest)};
}

}  // namespace lockstep
