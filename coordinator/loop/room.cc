#include "coordinator/loop/room.h"

#include <system_error>

#include <fcntl.h>

#include "storage/base/descriptor.h"

namespace lockstep {
namespace {

constexpr std::uintmax_t kReserveBytes = kReserveMebibytes << 20;
constexpr std::chrono::seconds kPause(1);  // a quota may refuse what the disk has

}  // namespace

Room::Room(const std::filesystem::path& state_directory)
    : directory_(state_directory), reserve_(state_directory / "reserve") {
  std::error_code error;
  reserved_ = std::filesystem::file_size(reserve_, error) == kReserveBytes && !error;
}

Status Room::look() {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(directory_, error);
  const std::uintmax_t expected = kLeastFreeMebibytes + (reserved_ ? 0 : kReserveMebibytes);
  if (!error && space.available >> 20 < expected) {
    return absl::ResourceExhaustedError(
        fmt::format("\"{}\": expected at least {} MiB free to start a trial, got {}; free some space, for one with "
                    "`lockstep sweep gc`: trials are started as soon as there is room",
                    directory_.native(), expected, space.available >> 20));
  }
  return reserved_ ? OkStatus() : make_reserve();
}

Status Room::make_reserve() {
  const auto refused = [this](int number) {
    return absl::ResourceExhaustedError(fmt::format(
        "\"{}\": {} MiB cannot be reserved: {}; free some space, for one with `lockstep sweep gc`: trials are "
        "started as soon as there is room",
        reserve_.native(), kReserveMebibytes, std::generic_category().message(number)));
  };
  const auto now = std::chrono::steady_clock::now();
  if (now < try_again_) return refused(ENOSPC);
  const Descriptor file(open(reserve_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const int number = file.valid() ? posix_fallocate(file.get(), 0, static_cast<off_t>(kReserveBytes)) : errno;
  reserved_ = number == 0;
  if (reserved_) return OkStatus();
  try_again_ = now + kPause;
  release();
  return refused(number);
}

void Room::release() {
  reserved_ = false;
  std::error_code ignored;
  std::filesystem::remove(reserve_, ignored);
}

}  // namespace lockstep
