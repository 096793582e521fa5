// Evaluation: every row of a split exactly once, whatever the number of ranks, and the same figures for every number.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/task/metric.h"
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
  double loss = 0;  // mean over rows that count
  std::int64_t rows = 0;
  std::vector<MetricValue> metrics;  // all of the target kind but the loss
  // Cells of the confusion matrix that are not 0, by label, then by prediction. Empty unless asked for.
  std::vector<ConfusionCell> confusion;
};

struct EvaluationOptions {
  std::int64_t rows = 0;
  Target target;           // as the network has learned it
  bool confusion = false;  // only of one class a row
  Heartbeat* heartbeat = nullptr;
  std::function<bool()> out_of_time = [] { return false; };  // asked on each rank as a stop signal is
};

// Collective. The loader reads the split, of which the first options.rows rows are evaluated.
// A row whose outputs are not all finite numbers counts as wrong, and is in no cell of the confusion matrix.
// Errors: stopped, when a rank was asked to stop meanwhile or is out of time; bad_data, with the rows, when pixels are
// not finite numbers; those of the dataset.
StatusOr<EvaluationResult> evaluate(Communicator& communicator, Network& network, SliceLoader& loader,
                                    const EvaluationOptions& options);

}  // namespace lockstep
