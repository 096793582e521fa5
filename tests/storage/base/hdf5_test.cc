#include "storage/base/hdf5.h"

#include <thread>

#include <gtest/gtest.h>

#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

TEST(Hdf5, HandlesCloseWhatTheyOwn) {
  const TemporaryDirectory directory;
  const auto lock = hdf5_lock();
  Hdf5File file(H5Fcreate((directory / "a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  ASSERT_TRUE(file.valid());
  const auto open_objects = [&] { return H5Fget_obj_count(file.get(), H5F_OBJ_ALL); };
  EXPECT_EQ(open_objects(), 1);
  {
    Hdf5Group group(H5Gcreate2(file.get(), "train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    ASSERT_TRUE(group.valid());
    EXPECT_EQ(open_objects(), 2);
    Hdf5Group moved = std::move(group);
    EXPECT_TRUE(moved.valid());
    EXPECT_EQ(open_objects(), 2);
    moved = Hdf5Group(H5Gopen2(file.get(), "train", H5P_DEFAULT));
    EXPECT_EQ(open_objects(), 2);
  }
  EXPECT_EQ(open_objects(), 1);
  file.reset();
  EXPECT_FALSE(file.valid());
}

TEST(Hdf5, ErrorsAreTextAndPrintedNowhere) {
  testing::internal::CaptureStderr();
  const auto fail = [](std::string* text) {
    const auto lock = hdf5_lock();
    const Hdf5File file(H5Fopen("/no/such/file.h5", H5F_ACC_RDONLY, H5P_DEFAULT));
    EXPECT_FALSE(file.valid());
    *text = hdf5_error();
    EXPECT_EQ(hdf5_error(), "");
  };
  std::string here;
  std::string on_another_thread;
  fail(&here);
  std::thread(fail, &on_another_thread).join();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_NE(here.find("No such file or directory"), std::string::npos) << here;
  EXPECT_EQ(here.find('\n'), std::string::npos) << here;
  EXPECT_NE(on_another_thread.find("No such file or directory"), std::string::npos) << on_another_thread;
}

TEST(Hdf5, PluginsAreOff) {
  const auto lock = hdf5_lock();
  unsigned int state = 1;
  ASSERT_GE(H5PLget_loading_state(&state), 0);
  EXPECT_EQ(state, 0U);
}

}  // namespace
}  // namespace lockstep
