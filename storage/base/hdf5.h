// What every user of libhdf5 here needs: handles that close themselves, one lock, and errors as text.
// libhdf5 is one big critical section: hold hdf5_lock() around every sequence of calls and around hdf5_error().
#pragma once

#include <mutex>
#include <string>
#include <utility>

#include <hdf5.h>

#include "storage/base/status.h"

namespace lockstep {

// Locks libhdf5 for this process; the first call also turns off its error printing and its loading of plugins.
[[nodiscard]] std::unique_lock<std::recursive_mutex> hdf5_lock();

// Takes the library's error stack as one line and clears it.
std::string hdf5_error();

// An owned identifier, closed by the function for its kind. Invalid (< 0) when the call that made it failed.
template <herr_t (*Close)(hid_t)>
class Hdf5Handle {
 public:
  Hdf5Handle() = default;
  explicit Hdf5Handle(hid_t id) : id_(id) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    if (this != &other) {
      reset();
      id_ = std::exchange(other.id_, -1);
    }
    return *this;
  }
  ~Hdf5Handle() { reset(); }

  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }
  void reset() {
    if (id_ >= 0) {
      const auto lock = hdf5_lock();
      Close(id_);
    }
    id_ = -1;
  }

 private:
  hid_t id_ = -1;
};

using Hdf5File = Hdf5Handle<H5Fclose>;
using Hdf5Group = Hdf5Handle<H5Gclose>;
using Hdf5DatasetId = Hdf5Handle<H5Dclose>;
using Hdf5Space = Hdf5Handle<H5Sclose>;
using Hdf5Type = Hdf5Handle<H5Tclose>;
using Hdf5Attribute = Hdf5Handle<H5Aclose>;
using Hdf5Properties = Hdf5Handle<H5Pclose>;
using Hdf5Object = Hdf5Handle<H5Oclose>;

// The error of a read that failed, with libhdf5's own words behind it: io_error with `message` where the system could
// not read (they name an errno), bad_data with `when_bad`, or the same, where what was read is wrong. Requires: the
// lock.
Status hdf5_read_error(std::string_view message, std::string_view when_bad = "");

}  // namespace lockstep
