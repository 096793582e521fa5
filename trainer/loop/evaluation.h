// Evaluation: every row of a split exactly once, whatever the number of ranks, and the same figures for every number.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "storage/base/status.h"
#include "trainer/comm/communicator.h"
#include "trainer/comm/heartbeat.h"
#include "trainer/data/slice_loader.h"
#include "trainer/nn/network/network.h"

namespace lockstep {

struct ConfusionCell {
  std::int32_t label = 0;
  std::int32_t prediction = 0;
  std::int64_t rows = 0;
};

struct EvaluationResult {
  double loss = 0;  // mean over rows
  std::int64_t rows = 0;
  std::int64_t correct = 0;
  std::int64_t correct_top5 = 0;
  // Cells of the confusion matrix that are not 0, by label, then by prediction. Empty unless asked for.
  std::vector<ConfusionCell> confusion;
  double accuracy() const { return static_cast<double>(correct) / static_cast<double>(rows); }
};

struct EvaluationOptions {
  std::int64_t rows = 0;
  bool confusion = false;
  Heartbeat* heartbeat = nullptr;
  std::function<bool()> out_of_time = [] { return false; };  // asked on each rank as a stop signal is
};

// Collective. The loader reads the split that has options.rows rows.
// A row whose logits are not all finite numbers counts as wrong, and is in no cell of the confusion matrix.
// Errors: stopped, when a rank was asked to stop meanwhile or is out of time; bad_data, with the rows, when pixels are
// not finite numbers; those of the dataset.
StatusOr<EvaluationResult> evaluate(Communicator& communicator, Network& network, SliceLoader& loader,
                                    const EvaluationOptions& options);

}  // namespace lockstep
