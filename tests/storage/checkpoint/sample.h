// Checkpoints to test with.
#pragma once

#include <filesystem>
#include <string>

#include "storage/checkpoint/checkpoint.h"

namespace lockstep {

// A small one with everything in it: nested groups, optimizer state, accuracy, facts. Element i of tensor k is
// i / 2 + k, except in "buffers/batch_norm_1/mean", which holds values whose bits are easily lost.
Checkpoint sample_checkpoint(std::int64_t step);

// Fails the test where the two are not the same in every field and bit, order of tensors included.
void expect_same(const Checkpoint& a, const Checkpoint& b);

void write_text(const std::filesystem::path& path, std::string_view text);

}  // namespace lockstep
