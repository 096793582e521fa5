#include "storage/import/idx.h"

#include <gtest/gtest.h>

#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/import/idx_file_maker.h"

namespace lockstep {
namespace {

// Opens, reads row by row and expects the end.
StatusOr<std::string> read_all(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(IdxReader reader, IdxReader::open(path));
  std::string all;
  for (std::int64_t row = 0; row < reader.dims()[0]; ++row) {
    std::string bytes(reader.row_bytes(), '\0');
    RETURN_IF_ERROR(reader.read(std::as_writable_bytes(std::span(bytes.data(), bytes.size()))));
    all += bytes;
  }
  RETURN_IF_ERROR(reader.expect_end());
  return all;
}

class IdxTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return directory_ / "file"; }
  void expect_bad(const std::string& words) {
    const Status status = read_all(path()).status();
    EXPECT_EQ(exit_code(status), 3) << status;
    EXPECT_NE(status.message().find(path().native()), std::string::npos) << status;
    EXPECT_NE(status.message().find(words), std::string::npos) << status;
  }
  TemporaryDirectory directory_;
};

TEST_F(IdxTest, ReadsPlainAndGzipped) {
  const std::string elements = "abcdefghijkl";
  for (const auto write : {write_plain, write_gzipped}) {
    write(path(), idx_bytes({2, 3, 2}, elements));
    const auto reader = IdxReader::open(path());
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_EQ(reader->dims(), (std::vector<std::int64_t>{2, 3, 2}));
    EXPECT_EQ(reader->row_bytes(), 6u);
    EXPECT_EQ(*read_all(path()), elements);
    write(path(), idx_bytes({12}, elements));
    EXPECT_EQ(*read_all(path()), elements);
  }
}

TEST_F(IdxTest, RefusesWhatIsNoIdx) {
  expect_bad("cannot be opened");
  write_plain(path(), "");
  expect_bad("is cut short in the header");
  write_plain(path(), "PNG\r and more");
  expect_bad("is no IDX file: expected 00 00 08 and a number of dimensions from 1 to 4, got 50 4e 47 0d");
  write_plain(path(), idx_bytes({1, 1, 1, 1, 1}, "a"));
  expect_bad("got 00 00 08 05");
  write_plain(path(), idx_bytes({}, ""));
  expect_bad("got 00 00 08 00");
  write_plain(path(), idx_bytes({1}, "abcd", 0x0d));
  expect_bad("has elements of type 0x0d: expected 0x08, unsigned bytes");
}

TEST_F(IdxTest, RefusesAbsurdShapes) {
  write_plain(path(), idx_bytes({0, 2}, ""));
  expect_bad("has the shape 0x2: expected 1 row or more");
  write_plain(path(), idx_bytes({2, 0}, ""));
  expect_bad("has the shape 2x0");
  write_plain(path(), idx_bytes({1, 0xffffffff, 0xffffffff, 0xffffffff}, "a"));
  expect_bad("has the shape 1x4294967295x4294967295x4294967295");
}

TEST_F(IdxTest, CutShortAtEveryLength) {
  const std::string good = idx_bytes({2, 3, 2}, "abcdefghijkl");
  for (const auto write : {write_plain, write_gzipped}) {
    for (std::size_t length = 0; length < good.size(); ++length) {
      write(path(), good.substr(0, length));
      expect_bad(length < 16 ? "is cut short in the header" : "is cut short: 2 rows of 6 bytes need 12 bytes, got");
    }
  }
}

TEST_F(IdxTest, BytesLeftOver) {
  for (const auto write : {write_plain, write_gzipped}) {
    write(path(), idx_bytes({2, 2}, "abcde"));
    expect_bad("has bytes after its 2 rows: expected 4 bytes of data");
  }
}

TEST_F(IdxTest, DamagedGzip) {
  std::string noise;
  for (int i = 0; i < 4096; ++i) noise += char(i * i * 31 >> 4);
  write_gzipped(path(), idx_bytes({64, 64}, noise));
  const auto size = std::filesystem::file_size(path());
  ASSERT_TRUE(read_all(path()).ok());  // the control

  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(std::streamoff(size) - 8);  // the checksum
  file.write("\x55\xaa\x55\xaa", 4);
  file.close();
  expect_bad("is damaged");

  write_gzipped(path(), idx_bytes({64, 64}, noise));
  for (const auto length : {size / 2, size - 20, size - 4}) {
    std::filesystem::resize_file(path(), length);
    const Status status = read_all(path()).status();
    EXPECT_EQ(exit_code(status), 3) << length << " of " << size << ": " << status;
    write_gzipped(path(), idx_bytes({64, 64}, noise));
  }
}

}  // namespace
}  // namespace lockstep
