// write_sample PATH STEP: writes the sample checkpoint, for tests in other languages.
#include <cstdlib>

#include "tests/storage/checkpoint/sample.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const lockstep::Status status = lockstep::write_checkpoint(argv[1], lockstep::sample_checkpoint(std::atoi(argv[2])));
  if (!status.ok()) fmt::print(stderr, "{}\n", std::string(status.message()));
  return lockstep::exit_code(status);
}
