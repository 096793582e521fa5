// Makes HDF5 files with the C API, good and bad, without the code under test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "storage/base/hdf5.h"
#include "storage/base/status.h"

namespace lockstep {

class Hdf5FileMaker {
 public:
  // A file with one empty group.
  explicit Hdf5FileMaker(const std::filesystem::path& path, const char* group = "train", hsize_t user_block_bytes = 0)
      : path_(path) {
    const Hdf5Properties creation(H5Pcreate(H5P_FILE_CREATE));
    H5Pset_userblock(creation.get(), user_block_bytes);
    file_ = Hdf5File(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), H5P_DEFAULT));
    CHECK(file_.valid(), "{}: {}", path.native(), hdf5_error());
    group_ = Hdf5Group(H5Gcreate2(file_.get(), group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    CHECK(group_.valid());
  }

  const std::filesystem::path& path() const { return path_; }
  hid_t file() const { return file_.get(); }
  hid_t group() const { return group_.get(); }

  // An array in the group, of `type` in the file, with `values` of `memory_type`; no values: nothing is written.
  Hdf5DatasetId add(const char* name, hid_t type, const std::vector<hsize_t>& dims, hid_t memory_type,
                    const void* values, hid_t properties = H5P_DEFAULT) {
    const Hdf5Space space(H5Screate_simple(int(dims.size()), dims.data(), nullptr));
    Hdf5DatasetId id(H5Dcreate2(group(), name, type, space.get(), H5P_DEFAULT, properties, H5P_DEFAULT));
    CHECK(id.valid(), "{}: {}", name, hdf5_error());
    CHECK(values == nullptr || H5Dwrite(id.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    return id;
  }

  // uint8 images of the given shape, pixel i of the whole being i modulo 251.
  Hdf5DatasetId add_images(const std::vector<hsize_t>& dims, hid_t properties = H5P_DEFAULT) {
    std::size_t count = 1;
    for (const hsize_t dim : dims) count *= dim;
    std::vector<std::uint8_t> pixels(count + 1);
    for (std::size_t i = 0; i < count; ++i) pixels[i] = std::uint8_t(i % 251);
    return add("images", H5T_STD_U8LE, dims, H5T_NATIVE_UINT8, pixels.data(), properties);
  }
  Hdf5DatasetId add_labels(const std::vector<std::int64_t>& labels, hid_t type = H5T_STD_I64LE) {
    return add("labels", type, {labels.size()}, H5T_NATIVE_INT64, labels.data());
  }

  static void add_attribute(hid_t object, const char* name, hid_t type, const std::vector<hsize_t>& dims,
                            const void* values) {
    const Hdf5Space space(dims.empty() ? H5Screate(H5S_SCALAR)
                                       : H5Screate_simple(int(dims.size()), dims.data(), nullptr));
    const Hdf5Attribute attribute(H5Acreate2(object, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT));
    CHECK(attribute.valid() && H5Awrite(attribute.get(), type, values) >= 0, "{}: {}", name, hdf5_error());
  }
  static void add_floats(hid_t object, const char* name, const std::vector<float>& values) {
    add_attribute(object, name, H5T_NATIVE_FLOAT, {values.size()}, values.data());
  }
  static void add_names(hid_t object, const std::vector<const char*>& names) {
    const Hdf5Type type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    add_attribute(object, "class_names", type.get(), {names.size()}, names.data());
  }

 private:
  std::filesystem::path path_;
  Hdf5File file_;
  Hdf5Group group_;
};

}  // namespace lockstep
