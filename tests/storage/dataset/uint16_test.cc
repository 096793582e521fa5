// Pixels of 16 bits, of which others write either order of bytes.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "storage/dataset/hdf5_dataset.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/dataset/hdf5_file_maker.h"

namespace lockstep {
namespace {

// Of seven channels, in the order of bytes of this machine and in the other.
TEST(Uint16Test, OfAnyByteOrderAndManyChannels) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory / "data.h5";
  std::vector<std::uint16_t> pixels(5 * 2 * 3 * 7);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = std::uint16_t(65535 - i * 311);
  std::vector<DatasetInfo> infos;
  for (const hid_t type : {H5T_STD_U16LE, H5T_STD_U16BE}) {
    {
      Hdf5FileMaker maker(path);
      maker.add("images", type, {5, 2, 3, 7}, H5T_NATIVE_UINT16, pixels.data());
      maker.add_labels({0, 1, 0, 1, 1});
    }
    for (const bool through_library : {false, true}) {
      const auto dataset = open_hdf5_dataset(path, {.always_through_library = through_library});
      ASSERT_TRUE(dataset.ok()) << dataset.status();
      std::vector<std::uint16_t> got(pixels.size());
      const std::vector<std::int64_t> rows = {4, 0, 1, 2, 3};
      ASSERT_TRUE((*dataset)->read(rows, std::as_writable_bytes(std::span(got))).ok());
      std::rotate(got.begin(), got.begin() + 42, got.end());
      EXPECT_EQ(got, pixels);
      infos.push_back((*dataset)->info());
    }
  }
  for (const DatasetInfo& info : infos) {
    EXPECT_EQ(info.image, (ImageShape{7, 2, 3}));
    EXPECT_EQ(info.pixel_type, PixelType::kUint16);
    EXPECT_EQ(info.fingerprint, infos[0].fingerprint);
  }
  for (std::size_t channel = 0; channel < 7; ++channel) {
    double sum = 0, squares = 0;
    for (std::size_t i = channel; i < pixels.size(); i += 7) sum += pixels[i] / 65535.0 / 30;
    for (std::size_t i = channel; i < pixels.size(); i += 7) squares += std::pow(pixels[i] / 65535.0 - sum, 2) / 30;
    EXPECT_FLOAT_EQ(infos[0].mean[channel], float(sum));
    EXPECT_FLOAT_EQ(infos[0].deviation[channel], float(std::sqrt(squares)));
  }
}

}  // namespace
}  // namespace lockstep
