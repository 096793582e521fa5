#include "coordinator/execute/descriptor.h"

#include <unistd.h>

namespace lockstep {

Descriptor::~Descriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace lockstep
