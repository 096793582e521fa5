// What makes training steps: heartbeat, reducer, rows and TrainStep, wired to a network and its optimizer. Where ranks
// share memory, the parameters move to one place for all of them. Threads: one thread per object.
#pragma once

#include <cstdint>

#include "trainer/comm/communicator.h"
#include "trainer/comm/gradient_reducer.h"
#include "trainer/comm/heartbeat.h"
#include "trainer/comm/parted_update.h"
#include "trainer/data/row_order.h"
#include "trainer/data/slice_loader.h"
#include "trainer/loop/setup.h"
#include "trainer/loop/train_step.h"
#include "trainer/report/time_account.h"

namespace lockstep {

class Engine {
 public:
  // Collective. `setup` outlives it. `total_steps` of the schedule; 0: of all the job's epochs.
  Engine(Communicator& communicator, Setup& setup, std::int64_t total_steps = 0);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Rows for the steps from `first` on. Before the first one that is run.
  void start(std::int64_t first);
  // Weights and running statistics, and their average, each in the place of the other; without an average nothing.
  // Collective.
  void exchange_average(std::int64_t step);

  RowOrder order;
  std::int64_t total_steps;
  int slices;  // of this rank
  TimeAccount account;
  Heartbeat heartbeat;
  GradientReducer reducer;
  PartedUpdate parted_update;
  SliceLoader loader;
  TrainStep step;

 private:
  Setup& setup_;
  int first_slice_;
};

}  // namespace lockstep
