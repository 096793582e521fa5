#include "storage/base/descriptor.h"

#include <unistd.h>

namespace lockstep {

bool Descriptor::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  return descriptor < 0 || ::close(descriptor) == 0;
}

}  // namespace lockstep
