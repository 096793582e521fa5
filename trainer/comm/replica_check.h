// Do all ranks hold the same bits? A hash of each array (XXH3-128) is gathered and compared.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "storage/base/status.h"
#include "trainer/comm/communicator.h"
#include "trainer/comm/parted_update.h"

namespace lockstep {

struct NamedBytes {
  std::string_view name;
  std::span<const std::byte> bytes;
};

// Errors: kInternal, naming the arrays and the ranks that differ from the majority (ties: from rank 0). Collective;
// every rank returns the same status.
Status check_replicas(Communicator& communicator, std::span<const NamedBytes> arrays);

// The same for an array of which each rank holds parts alone (PartedUpdate::part), before they are put together:
// ranks with the same parts are compared. Where each host has its ranks share memory, these are one a host; on a single
// host each part is there once, and nothing can be compared.
Status check_parts(Communicator& communicator, std::string_view name, std::span<const float> values,
                   std::span<const PartedUpdate::Range> parts);

}  // namespace lockstep
