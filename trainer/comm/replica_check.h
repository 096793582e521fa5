// Do all ranks hold the same bits? A hash of each array (XXH3-128) is gathered and compared.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "storage/base/status.h"
#include "trainer/comm/communicator.h"

namespace lockstep {

struct NamedBytes {
  std::string_view name;
  std::span<const std::byte> bytes;
};

// Errors: kInternal, naming the arrays and the ranks that differ from the majority (ties: from rank 0). Collective;
// every rank returns the same status.
Status check_replicas(Communicator& communicator, std::span<const NamedBytes> arrays);

}  // namespace lockstep
