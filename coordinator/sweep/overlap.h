// Whether the parameters of a sweep get in each other's way, from their paths and conditions alone.
// Threads: functions are independent.
#pragma once

#include "proto/sweep.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {

// Adds a fault for every pair of parameters that can be there at the same time where one undoes what the other sets, or
// both set the same field, or one a part of what the other sets. (A parameter may set a part of what a choice sets that
// its own condition asks for, when the choice does not give that part: it refines the choice.) A choice that leaves
// open which alternative of a oneof holds, where another choice beside it says so, stands for that of the job itself.
// And for every assignment of a choice that undoes another one of the same choice, and every parameter of a field that
// the coordinator rules. Exact: two parameters can be together when no categorical parameter would need two choices at
// once for it. Requires: check_parameters found no fault.
void check_overlaps(const proto::SweepSpec& spec, Faults& faults);

}  // namespace lockstep
