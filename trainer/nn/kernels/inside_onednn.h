#pragma once

namespace lockstep {

// Whether this thread is executing a oneDNN primitive: what is allocated meanwhile is the library's.
bool inside_onednn();

}  // namespace lockstep
