#include "storage/base/hdf5.h"

namespace lockstep {
namespace {

herr_t append_error(unsigned, const H5E_error2_t* error, void* text) {
  std::string& line = *static_cast<std::string*>(text);
  if (!line.empty()) line += ": ";
  line += error->desc;
  return 0;
}

}  // namespace

std::unique_lock<std::recursive_mutex> hdf5_lock() {
  static std::recursive_mutex& mutex = *new std::recursive_mutex;  // handles of static objects are closed at exit
  std::unique_lock lock(mutex);
  // Error printing is a property of each thread, where libhdf5 was built for threads.
  thread_local const bool quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0 && H5PLset_loading_state(0) >= 0;
  static_cast<void>(quiet);
  return lock;
}

std::string hdf5_error() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, append_error, &text);
  H5Eclear2(H5E_DEFAULT);
  std::erase(text, '\n');
  return text;
}

Status hdf5_read_error(std::string_view message, std::string_view when_bad) {
  const std::string why = hdf5_error();
  if (why.find("errno = ") != std::string::npos) return io_error(fmt::format("{} ({})", message, why));
  return bad_data(fmt::format("{} ({})", when_bad.empty() ? message : when_bad, why));
}

}  // namespace lockstep
