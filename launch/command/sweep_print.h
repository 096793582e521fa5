// What `lockstep sweep` prints for people.
#pragma once

#include <string>
#include <vector>

#include "proto/coordinator.pb.h"

namespace lockstep {

// One line.
std::string json_text(const google::protobuf::Message& message);

std::string value_text(const proto::Assignment& assignment);

// A line a sweep.
std::string sweeps_table(const proto::ListReply& list);
// A sweep: state, counts, cores, time, best.
std::string sweep_text(const proto::SweepView& sweep);
// A line a trial.
std::string trials_table(const std::vector<proto::TrialView>& trials);
std::string best_text(const proto::TrialView& trial);
std::string plan_text(const proto::PlanReply& plan);
std::string checkpoints_table(const proto::CheckpointsReply& checkpoints);
// One line; empty for what people need not see.
std::string event_line(const proto::Event& event);
// Header and a line a trial.
std::string trials_csv(const std::vector<proto::TrialView>& trials);

}  // namespace lockstep
