// What training tells the outside: plain values, made by the loop and shown by the metrics file and the progress line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/task/metric.h"

namespace lockstep {

// Means over the steps since the point before.
struct TrainPoint {
  std::int64_t step = 0;   // optimizer steps done
  std::int64_t epoch = 0;  // of the last of these steps, from 0
  double loss = 0;
  double accuracy = 0;  // share of rows that were right, or of their labels, 0 to 1; of numbers not a number
  double learning_rate = 0;
  double images_per_second = 0;
};

struct EvalPoint {
  std::int64_t step = 0;
  std::int64_t epoch = 0;  // whole epochs done
  double loss = 0;
  std::int64_t rows = 0;
  std::vector<MetricValue> metrics = {};  // but the loss; the first is what counts
  double value(std::string_view metric) const { return metric == "loss" ? loss : metric_value(metrics, metric); }
};

struct CheckpointPoint {
  std::int64_t step = 0;
  std::string path;
};

// The end of a run, however it came about.
struct EndPoint {
  std::int64_t step = 0;
  std::string outcome;  // "done", "stopped"
  double seconds = 0;
  double images_per_second = 0;                 // training rows over the time not spent in evaluation
  std::vector<MetricValue> metrics = {};        // of the last evaluation, if it was made there
  std::vector<MetricValue> final_metrics = {};  // of the final test, if there was one
  std::string reason = {};                      // of an early end
};

}  // namespace lockstep
