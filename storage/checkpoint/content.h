// What a checkpoint may hold: checked before it is written and, whoever wrote it, after it is read.
// Threads: functions are independent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "storage/base/status.h"
#include "storage/checkpoint/checkpoint.h"

namespace lockstep {

inline constexpr std::size_t kTensorRankLimit = 4;
inline constexpr std::size_t kPathDepthLimit = 16;
inline constexpr std::size_t kAttributeLimitBytes = std::size_t(16) << 20;

// Elements of a tensor of this shape; 0 when the rank is not 1 to 4, an extent is below 1, or there are more than
// `limit` elements.
std::size_t tensor_elements(std::span<const std::int64_t> shape, std::size_t limit);

// "64 x 3 x 3 x 3".
std::string shape_text(std::span<const std::int64_t> shape);

// Counters are not negative; paths begin with "parameters/", "buffers/", "optimizer/" or "average/", are unique, and no
// part is empty, ".", ".." or has control characters; values fit shapes; strings have no NUL. Errors: bad_data, the
// first fault.
Status check_content(const Checkpoint& checkpoint);

}  // namespace lockstep
