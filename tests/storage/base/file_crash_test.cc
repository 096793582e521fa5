// A process is killed at every point of an atomic write; whoever looks then finds the old content or the new, whole.
// This process visits no fault point itself (see child_process.h).
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <signal.h>

#include "storage/base/fault.h"
#include "storage/base/file.h"
#include "tests/storage/base/child_process.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

const std::string kOld(1000, 'o');
const std::string kNew(3000, 'n');

std::string content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void put(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

int write_new(const std::filesystem::path& path) {
  const std::vector<std::string_view> parts = {std::string_view(kNew).substr(0, 100),
                                               std::string_view(kNew).substr(100)};
  return exit_code(write_file_atomically(path, parts));
}

struct Point {
  const char* name;
  bool new_after_kill;
  std::size_t temporary_bytes;  // left behind by the kill
};

void PrintTo(const Point& point, std::ostream* out) {
  *out << point.name;
}

class FileCrash : public testing::TestWithParam<Point> {};

TEST_P(FileCrash, KillLeavesOldOrNewWhole) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory / "a";
  put(path, kOld);
  const std::string fault = fmt::format("{}:1:kill", GetParam().name);
  ASSERT_EQ(run_in_child(fault.c_str(), [&] { return write_new(path); }), -SIGKILL);
  EXPECT_EQ(content(path), GetParam().new_after_kill ? kNew : kOld);
  EXPECT_EQ(content(path.string() + ".tmp").size(), GetParam().temporary_bytes);
  // What the dead process left does not hinder the next one.
  EXPECT_EQ(run_in_child("", [&] { return write_new(path); }), 0);
  EXPECT_EQ(content(path), kNew);
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".tmp"));
}

TEST_P(FileCrash, FailureIsReportedAndLeavesOldOrNewWhole) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory / "a";
  put(path, kOld);
  const std::string fault = fmt::format("{}:1:fail", GetParam().name);
  EXPECT_EQ(run_in_child(fault.c_str(), [&] { return write_new(path); }), 74);
  EXPECT_EQ(content(path), GetParam().new_after_kill ? kNew : kOld);
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".tmp"));
}

INSTANTIATE_TEST_SUITE_P(Points, FileCrash,
                         testing::Values(Point{"file.open", false, 0}, Point{"file.write", false, 1500},
                                         Point{"file.fsync", false, 3000}, Point{"file.rename", false, 3000},
                                         Point{"file.fsync_directory", true, 0}),
                         [](const auto& point) { return std::string(point.param.name).substr(5); });

TEST(FileCrash, KillBeforeAFileHasItsNameHindersNobody) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory / "a";
  const auto create = [&] {
    const std::string_view parts[] = {kNew};
    return exit_code(create_file_once(path, parts));
  };
  EXPECT_EQ(run_in_child("file.link:1:fail", create), 74);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  EXPECT_EQ(run_in_child("file.link:1:kill", create), -SIGKILL);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(run_in_child("", create), 0);
  EXPECT_EQ(content(path), kNew);
}

// The negative control: the same kill tears the file of a writer that writes in place.
TEST(FileCrashControl, WritingInPlaceLeavesATornFile) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory / "a";
  put(path, kOld);
  const auto write_in_place = [&] {
    std::ofstream file(path);
    file << kNew.substr(0, kNew.size() / 2) << std::flush;
    if (!fault_point("file.write").ok()) return 99;
    file << kNew.substr(kNew.size() / 2) << std::flush;
    return 0;
  };
  ASSERT_EQ(run_in_child("file.write:1:kill", write_in_place), -SIGKILL);
  EXPECT_NE(content(path), kOld);
  EXPECT_NE(content(path), kNew);
}

}  // namespace
}  // namespace lockstep
