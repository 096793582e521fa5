// The fsync and fdatasync of a test's own program, which stand before those of the C library, also for SQLite. To be
// included by one source of the program.
#pragma once

#include <cerrno>
#include <functional>

#include <sys/syscall.h>
#include <unistd.h>

namespace lockstep {

inline std::function<bool()> before_sync;         // false: the sync fails
inline std::function<void(int)> after_good_sync;  // of this descriptor

inline int sync_by(long call, int descriptor) {
  if (before_sync && !before_sync()) {
    errno = EIO;
    return -1;
  }
  const int result = static_cast<int>(syscall(call, descriptor));
  if (result == 0 && after_good_sync) after_good_sync(descriptor);
  return result;
}

}  // namespace lockstep

extern "C" int fsync(int descriptor) {
  return lockstep::sync_by(SYS_fsync, descriptor);
}

extern "C" int fdatasync(int descriptor) {
  return lockstep::sync_by(SYS_fdatasync, descriptor);
}
