// What an evaluation learns of its rows: counts slice by slice, and metrics in the end.
// Threads: one thread per object.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/task/metric.h"

namespace lockstep {

class Scores {
 public:
  static std::unique_ptr<Scores> make(const Target& target);
  virtual ~Scores() = default;

  // Rows: outputs (rows, target.outputs()) before softmax or the logistic function, targets (rows, target.values()), as
  // the network learns them.
  virtual void add(std::span<const float> outputs, std::span<const float> targets) = 0;
  // Of all that was added. Several processes add theirs, element by element, in any order.
  virtual std::span<std::int64_t> counts() = 0;
  // Whether values() needs all rows.
  virtual bool needs_rows() const = 0;
  // All metrics of the target kind but the loss, in the order of the table; of `rows` rows that were added by all.
  // outputs, targets: of all rows, in their order; empty unless needs_rows().
  virtual std::vector<MetricValue> values(std::int64_t rows, std::span<const float> outputs,
                                          std::span<const float> targets) = 0;
};

// Where the largest output is, the first of equal ones; -1 when not all are finite numbers.
std::int32_t predicted_class(std::span<const float> outputs);

}  // namespace lockstep
