// The task of a job: whether its loss and its metrics fit the targets of its rows, and which metrics it tells.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "proto/job.pb.h"
#include "storage/dataset/dataset.h"
#include "storage/task/metric.h"
#include "trainer/loop/training_job.h"
#include "trainer/report/events.h"

namespace lockstep {

// Adds the faults of loss and evaluation; the metric of the target kind where the job names none; and what the weights
// of classes come to on these rows.
void check_task(const DatasetInfo& train, JobDraft& draft);

// What a training follows in its evaluations: the scale of a plateau's rate, and whether it is to end early. Both are
// functions of the evaluations so far, which a checkpoint holds: there is no other state.
double plateau_scale(const proto::Job& job, std::span<const EvalPoint> evaluations);
// Why it is to end early; empty: it is not.
std::string early_end(const proto::Job& job, std::span<const EvalPoint> evaluations);
// Whether the job follows its evaluations in either way, so that they decide the weights.
bool follows_evaluations(const proto::Job& job);

// The names of the metrics that a checked job tells; by the first one checkpoints are kept as the best. A job that says
// nothing of evaluations is of one class a row, and tells the accuracy.
std::vector<std::string> told_metrics(const proto::Job& job);
// Their values, in this order.
std::vector<MetricValue> wanted_metrics(const proto::Job& job, std::span<const MetricValue> all);

}  // namespace lockstep
