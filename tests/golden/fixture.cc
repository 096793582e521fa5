#include "tests/golden/fixture.h"

#include <fstream>
#include <sstream>

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

}  // namespace lockstep
