// Changes of inputs, drawn by key: the same key gives the same change.
#pragma once

#include <span>
#include <string>

#include "storage/base/philox.h"

namespace lockstep {

// `input` with one to eight changes: bits, bytes, numbers, words of formats, parts that are cut out, repeated, moved or
// taken of `other`. No longer than `most_bytes`.
std::string mutated(std::string input, const std::string& other, std::size_t most_bytes, Philox& random);

}  // namespace lockstep
