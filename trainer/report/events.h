// What training tells the outside: plain values, made by the loop and shown by the metrics file and the progress line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lockstep {

// Means over the steps since the point before.
struct TrainPoint {
  std::int64_t step = 0;   // optimizer steps done
  std::int64_t epoch = 0;  // of the last of these steps, from 0
  double loss = 0;
  double accuracy = 0;  // share of rows, 0 to 1
  double learning_rate = 0;
  double images_per_second = 0;
};

struct EvalPoint {
  std::int64_t step = 0;
  std::int64_t epoch = 0;  // whole epochs done
  double loss = 0;
  double accuracy = 0;
  std::int64_t rows = 0;
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
  double images_per_second = 0;  // training rows over the time not spent in evaluation
  std::optional<double> accuracy;
};

}  // namespace lockstep
