#include "coordinator/loop/room.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/storage/base/child_process.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

TEST(RoomTest, TheReserveIsMadeGivenBackAndMadeAgain) {
  const TemporaryDirectory directory;
  Room room(directory.path());
  EXPECT_FALSE(std::filesystem::exists(directory / "reserve"));
  EXPECT_TRUE(room.look().ok());
  EXPECT_EQ(std::filesystem::file_size(directory / "reserve"), kReserveMebibytes << 20);
  room.release();
  EXPECT_FALSE(std::filesystem::exists(directory / "reserve"));
  EXPECT_TRUE(room.look().ok());
  EXPECT_TRUE(Room(directory.path()).look().ok());
  EXPECT_EQ(std::filesystem::file_size(directory / "reserve"), kReserveMebibytes << 20);
}

// As with a quota, of which the free space of the disk knows nothing.
TEST(RoomTest, WithoutAReserveThereIsNoRoom) {
  const TemporaryDirectory directory;
  const auto look = [&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    Room room(directory.path());
    for (int i = 0; i < 3; ++i) {
      const Status status = room.look();
      CHECK(absl::IsResourceExhausted(status), "{}", status.ToString());
      CHECK(status.message().find("8 MiB cannot be reserved") != std::string::npos, "{}", status.ToString());
    }
    return std::filesystem::exists(directory / "reserve") ? 1 : 0;
  };
  EXPECT_EQ(run_in_child("", look), 0);
}

}  // namespace
}  // namespace lockstep
