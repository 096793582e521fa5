// How checkpoints and their differences are shown: as text for people, as JSON for programs.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "storage/checkpoint/diff.h"
#include "storage/checkpoint/directory.h"

namespace lockstep {

using Json = nlohmann::ordered_json;

void print_json(const Json& json);

// Rows of cells as lines, each column as wide as its widest cell; the first is aligned left, the others right.
void print_table(const std::vector<std::vector<std::string>>& rows);

// "accuracy 0.9341": the metric that counted, at the step of the checkpoint; "-" when it was not evaluated there.
std::string chief_metric_text(const Checkpoint& checkpoint);

// {"step":..,"loss":..,"accuracy":..}: all of one evaluation; null for none.
Json evaluation_json(const CheckpointEvaluation* evaluation);

// Everything but the values and the job, with statistics of each tensor.
void print_checkpoint(const FoundCheckpoint& found, const std::string& digest);
// The same and the job. Numbers that are not finite become null.
Json checkpoint_json(const FoundCheckpoint& found, const std::string& digest);

// "identical" or a table of the tensors that differ; then the notes.
void print_difference(const CheckpointDifference& difference);
Json difference_json(const CheckpointDifference& difference);

}  // namespace lockstep
