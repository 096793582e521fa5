// Evaluates one split while a network is trained, by the weights that are used afterwards.
#pragma once

#include <functional>
#include <string>

#include "storage/base/status.h"
#include "storage/dataset/dataset.h"
#include "trainer/comm/communicator.h"
#include "trainer/data/slice_loader.h"
#include "trainer/loop/engine.h"
#include "trainer/loop/setup.h"
#include "trainer/loop/training_state.h"
#include "trainer/report/events.h"

namespace lockstep {

class Judge {
 public:
  // `split`: its name, for messages. All outlive the object.
  Judge(Communicator& communicator, Setup& setup, Engine& engine, Dataset& rows, std::string split);

  // Of the first `most_rows` rows; 0: of all. Collective. Errors: those of evaluate() (evaluation.h).
  StatusOr<EvalPoint> evaluate(const Position& position, std::int64_t most_rows,
                               const std::function<bool()>& out_of_time);

 private:
  Communicator& communicator_;
  Setup& setup_;
  Engine& engine_;
  std::string split_;
  std::int64_t rows_;
  SliceLoader loader_;
};

}  // namespace lockstep
