// Transcripts: what a scheduler answers, as text that people read and a test compares, in the manner of the test data
// of etcd-io/raft. A block is some commands, one a line, then "----", then what they print, up to an empty line. Lines
// that begin with # and empty lines between blocks are kept.
//   sweep trials=9 epochs=9 with asha { promote: true }   begins; the first command
//   next [times=N]                      asks for the next step and takes it, N times or until it waits or is done
//   train trial=N values=0.5,0.4        evaluates so many epochs, and pauses or completes where it was told to
//   report trial=N epoch=E value=0.42   evaluates one epoch and nothing else
//   pause trial=N, complete trial=N     after reports: it has arrived
//   fail trial=N, stop trial=N          ended from outside
//   retry trial=N                       a failed trial waits to run again, with the values it had
//   expected                            expected_epochs
//   check                               the faults of check_scheduler
//   trials                              every trial in a line
#pragma once

#include <string>
#include <string_view>

namespace lockstep {

// The same text with what the commands print now. A command that makes no sense prints "error: ...".
std::string replay(std::string_view transcript);

}  // namespace lockstep
