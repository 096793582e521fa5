// What becomes of a trial whose attempt has ended, and of its sweep when one trial after another fails. Pure.
//
// Whose fault an end is, is decided here once and stored with it:
//   exit code 2, 4; 3 where one of the trial's parameters sets `data`  of the parameters: it would come again
//   any other failure without a new evaluation                         may be the machine's
//   a failure after a new evaluation; an end that brought nothing      of the run
//   else                                                               none
// An end that brought nothing: exit code 0 without any evaluation, or 75 that nobody asked for without a new step or
// evaluation. So whatever the cause, attempts do not follow each other for ever.
#pragma once

#include "coordinator/sweep/attempts.h"

namespace lockstep {

// What an attempt has brought, from its reports and from what it left.
struct Brought {
  int epochs = 0;          // evaluations that the trial has by now
  bool evaluated = false;  // one of them is this attempt's
  bool stepped = false;    // a checkpoint of a step that no attempt before it had
};

// `stopping`: the trial does not go on. Adds AttemptEnded, the trial's new state, and, when it is the last of
// kTrialsThatPauseASweep different ones in a row that failed by what may be the machine's fault, with no evaluation of
// any trial between: the sweep pauses, and these trials wait with a new budget. It pauses too where a trial would have
// failed for good by exit code 69 or 74: a trainer that says so knows that it is the machine.
void add_end(const Sweep& sweep, const Trial& trial, const AttemptResult& result, const Brought& brought, bool stopping,
             std::int64_t now_ms, Events& events);

}  // namespace lockstep
