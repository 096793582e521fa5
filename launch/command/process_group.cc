#include "launch/command/process_group.h"

#include <utility>

namespace lockstep {

StatusOr<ProcessGroup> ProcessGroup::join() {
  ProcessGroup group;
  if (started_as_rank()) {
    ASSIGN_OR_RETURN(group.session_, MpiSession::create());
    set_rank_for_messages(group.communicator().rank());
  } else {
    group.alone_ = make_solo_communicator();
  }
  return group;
}

}  // namespace lockstep
