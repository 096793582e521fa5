#include "trainer/loop/engine.h"

#include <algorithm>

namespace lockstep {

Engine::Engine(Communicator& communicator, Setup& setup, std::int64_t all_steps)
    : order(row_order(setup.job, setup.rows.train->info().rows, setup.rows.by_class)),
      total_steps(all_steps > 0 ? all_steps : order.steps_per_epoch() * setup.job.epochs()),
      slices(setup.job.slices() / communicator.size()),
      heartbeat(communicator, setup.job.execution().hang_timeout_seconds()),
      reducer(communicator, reduced_elements(setup.network->gradient_elements()),
              reducer_options(setup.job, setup.network->parameter_values().size())),
      parted_update(communicator, reducer),
      loader(*setup.rows.train, training_transform(setup.rows.train->info(), setup.job),
             setup.job.batch() / setup.job.slices(), setup.job.data().prefetch_batches() * slices,
             setup.job.data().decode_threads()),
      step({.network = *setup.network,
            .optimizer = *setup.optimizer,
            .average = setup.average.get(),
            .reducer = reducer,
            .parted_update = parted_update,
            .loader = loader,
            .heartbeat = heartbeat,
            .account = account},
           setup.job, slices, order.steps_per_epoch(), total_steps),
      setup_(setup),
      first_slice_(communicator.rank() * slices) {
  Mixing mixing(setup.rows.train->info().image, setup.job.data().augmentation(), setup.job.seed());
  if (mixing.active()) loader.blend_rows(std::move(mixing));
  const std::size_t trained = setup.network->parameter_values().size();
  const std::span<float> shared = parted_update.shared_values(trained + setup.network->frozen_values().size());
  if (!shared.empty()) setup.network->move_parameters(shared.first(trained), shared.subspan(trained));
  setup.network->on_step([this] { heartbeat.beat(); });
}

void Engine::start(std::int64_t first) {
  loader.start(plan_training(
      order, {.first_step = first, .last_step = total_steps, .first_slice = first_slice_, .slices_per_rank = slices}));
}

void Engine::exchange_average(std::int64_t at_step) {
  if (!setup_.average) return;
  heartbeat.note(Phase::kEvaluation, at_step);
  Network& network = *setup_.network;
  parted_update.exchange(network.parameter_values(), setup_.average->values());
  std::ranges::swap_ranges(network.buffer_values(), setup_.average->buffers());
  network.parameters_changed();
}

}  // namespace lockstep
