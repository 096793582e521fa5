// Rows with pixels that are not finite numbers: noted by each rank, named by all.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/comm/communicator.h"
#include "trainer/data/slice_loader.h"

namespace lockstep {

inline constexpr std::size_t kMostBadRows = 16;

// Adds such rows of a slice to `rows`, up to kMostBadRows in all.
void note_bad_rows(const LoadedSlice& loaded, std::vector<std::int64_t>& rows);

// The first of all ranks, each once, in order: the same for any number of ranks. Collective.
// Requires: mine.size() <= kMostBadRows.
std::vector<std::int64_t> gather_bad_rows(Communicator& communicator, std::span<const std::int64_t> mine);

}  // namespace lockstep
