#include "trainer/loop/judge.h"

#include <algorithm>
#include <utility>

#include "trainer/loop/evaluation.h"
#include "trainer/loop/task.h"

namespace lockstep {
namespace {

// Rows as the network has learned to see them.
ImageTransform learned_transform(const DatasetInfo& learned, const DatasetInfo& rows, const proto::Data& data) {
  ImageTransform transform(rows.image, rows.pixel_type, learned.mean, learned.deviation);
  transform.take_targets(learned.whole_target());
  transform.take_centre(centre_share(data), rows.is_encoded);
  return transform;
}

}  // namespace

Judge::Judge(Communicator& communicator, Setup& setup, Engine& engine, Dataset& rows, std::string split)
    : communicator_(communicator),
      setup_(setup),
      engine_(engine),
      split_(std::move(split)),
      rows_(rows.info().rows),
      loader_(rows, learned_transform(setup.rows.train->info(), rows.info(), setup.job.data()),
              setup.job.batch() / setup.job.slices(), setup.job.data().prefetch_batches() * engine.slices,
              setup.job.data().decode_threads()) {}

StatusOr<EvalPoint> Judge::evaluate(const Position& position, std::int64_t most_rows,
                                    const std::function<bool()>& out_of_time) {
  engine_.exchange_average(position.step);
  const StatusOr<EvaluationResult> result =
      lockstep::evaluate(communicator_, *setup_.network, loader_,
                         {.rows = most_rows > 0 ? std::min(most_rows, rows_) : rows_,
                          .target = learned_target(setup_.rows.train->info().whole_target(), setup_.job),
                          .confusion = false,
                          .heartbeat = &engine_.heartbeat,
                          .out_of_time = out_of_time});
  engine_.exchange_average(position.step);
  engine_.account.book(TimeShare::kEvaluation);
  RETURN_IF_ERROR(with_context(result.status(), fmt::format("{}: {}", setup_.job.data().path(), split_)));
  return EvalPoint{.step = position.step,
                   .epoch = position.epoch,
                   .loss = result->loss,
                   .rows = result->rows,
                   .metrics = wanted_metrics(setup_.job, result->metrics)};
}

}  // namespace lockstep
