// Files whose digest is right and whose content is not what we write: each is refused with a reason.
#include <array>

#include <gtest/gtest.h>

#include "storage/base/hdf5.h"
#include "storage/checkpoint/user_block.h"
#include "tests/storage/checkpoint/sample.h"

namespace lockstep {
namespace {

// The sample after `change` was done to its HDF5 content, with the right digest.
std::string changed_checkpoint(const std::function<void(hid_t)>& change) {
  const auto lock = hdf5_lock();
  StatusOr<std::string> bytes = encode_checkpoint(sample_checkpoint(1));
  CHECK(bytes.ok());
  const Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS));
  CHECK(H5Pset_fapl_core(access.get(), 1 << 20, false) >= 0);
  CHECK(H5Pset_file_image(access.get(), bytes->data() + kUserBlockBytes, bytes->size() - kUserBlockBytes) >= 0);
  const Hdf5File file(H5Fopen("hostile", H5F_ACC_RDWR, access.get()));
  CHECK(file.valid(), "{}", hdf5_error());
  change(file.get());
  CHECK(H5Fflush(file.get(), H5F_SCOPE_GLOBAL) >= 0);
  const ssize_t size = H5Fget_file_image(file.get(), nullptr, 0);
  CHECK(size > 0);
  bytes->resize(kUserBlockBytes + static_cast<std::size_t>(size));
  CHECK(H5Fget_file_image(file.get(), bytes->data() + kUserBlockBytes, static_cast<std::size_t>(size)) == size);
  write_user_block(*bytes);
  return *std::move(bytes);
}

void expect_refused(const std::string& reason, const std::function<void(hid_t)>& change) {
  const std::string bytes = changed_checkpoint(change);
  EXPECT_TRUE(verify_checkpoint(bytes).ok());
  const Status status = decode_checkpoint(bytes).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(std::string(status.message()).find(reason), std::string::npos) << "\"" << reason << "\" in " << status;
}

struct DatasetShape {
  std::vector<hsize_t> extents;
  hid_t type = H5T_IEEE_F32LE;
  bool write = true;
};

// A dataset at parameters/extra, written as floats.
void add_dataset(hid_t file, const DatasetShape& shape, const std::function<void(hid_t)>& set = [](hid_t) {}) {
  const Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
  set(properties.get());
  const Hdf5Space space(shape.extents.empty()
                            ? H5Screate(H5S_SCALAR)
                            : H5Screate_simple(static_cast<int>(shape.extents.size()), shape.extents.data(), nullptr));
  const Hdf5DatasetId dataset(
      H5Dcreate2(file, "parameters/extra", shape.type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT));
  CHECK(dataset.valid(), "{}", hdf5_error());
  if (!shape.write) return;
  const std::vector<float> values(1000, 1.0f);
  CHECK(H5Dwrite(dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
}

// Puts another attribute in the place of one of the root.
void replace_attribute(hid_t file, const char* name, hid_t type, hid_t space, const void* data) {
  CHECK(H5Adelete(file, name) >= 0);
  const Hdf5Attribute attribute(H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
  CHECK(attribute.valid() && H5Awrite(attribute.get(), type, data) >= 0);
}

// The control: the way these files are made is not what makes them bad.
TEST(Hostile, OpenedAndClosedIsStillGood) {
  const StatusOr<Checkpoint> same = decode_checkpoint(changed_checkpoint([](hid_t) {}));
  ASSERT_TRUE(same.ok()) << same.status();
  expect_same(sample_checkpoint(1), *same);
  const StatusOr<Checkpoint> more =
      decode_checkpoint(changed_checkpoint([](hid_t file) { add_dataset(file, {{2, 3}}); }));
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_EQ(more->tensors.size(), sample_checkpoint(1).tensors.size() + 1);
}

TEST(Hostile, Links) {
  expect_refused("parameters/soft is a soft or external link", [](hid_t file) {
    CHECK(H5Lcreate_soft("/parameters/dense_9/weights", file, "parameters/soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  });
  expect_refused("outside is a soft or external link", [](hid_t file) {
    CHECK(H5Lcreate_external("/etc/passwd", "/", file, "outside", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  });
  expect_refused("fewer groups", [](hid_t file) {
    CHECK(H5Lcreate_hard(file, "parameters", file, "parameters/loop", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  });
  expect_refused("no more elements than the file has room for", [](hid_t file) {
    for (int i = 0; i < 5000; ++i) {
      const std::string name = fmt::format("parameters/copy_{}", i);
      CHECK(H5Lcreate_hard(file, "parameters/convolution_1/weights", file, name.c_str(), H5P_DEFAULT, H5P_DEFAULT) >=
            0);
    }
  });
}

TEST(Hostile, TypesAndShapes) {
  expect_refused("extra: expected little-endian float32", [](hid_t file) { add_dataset(file, {{4}, H5T_IEEE_F64LE}); });
  expect_refused("extra: expected little-endian float32", [](hid_t file) { add_dataset(file, {{4}, H5T_IEEE_F32BE}); });
  expect_refused("extra: expected little-endian float32", [](hid_t file) { add_dataset(file, {{4}, H5T_STD_I32LE}); });
  expect_refused("extra: expected 1 to 4 dimensions", [](hid_t file) { add_dataset(file, {{}}); });
  expect_refused("extra: expected 1 to 4 dimensions", [](hid_t file) { add_dataset(file, {{1, 1, 1, 1, 2}}); });
  expect_refused("extra: expected no more elements",
                 [](hid_t file) { add_dataset(file, {{1u << 31, 1u << 29}, H5T_IEEE_F32LE, false}); });
  expect_refused("extra: expected no more elements",
                 [](hid_t file) { add_dataset(file, {{0}, H5T_IEEE_F32LE, false}); });
}

TEST(Hostile, Storage) {
  expect_refused("extra: expected contiguous data", [](hid_t file) {
    add_dataset(file, {{100}}, [](hid_t properties) {
      const hsize_t chunk = 10;
      CHECK(H5Pset_chunk(properties, 1, &chunk) >= 0 && H5Pset_deflate(properties, 1) >= 0);
    });
  });
  expect_refused("extra: expected contiguous data", [](hid_t file) {
    add_dataset(file, {{4}}, [](hid_t properties) { CHECK(H5Pset_layout(properties, H5D_COMPACT) >= 0); });
  });
  expect_refused("extra: expected contiguous data", [](hid_t file) {
    add_dataset(file, {{4}, H5T_IEEE_F32LE, false},
                [](hid_t properties) { CHECK(H5Pset_external(properties, "/etc/passwd", 0, 16) >= 0); });
  });
  expect_refused("extra: expected contiguous data", [](hid_t file) {
    add_dataset(file, {{4}, H5T_IEEE_F32LE, false}, [](hid_t properties) {
      const hsize_t extent = 4;
      const Hdf5Space space(H5Screate_simple(1, &extent, nullptr));
      CHECK(H5Pset_virtual(properties, space.get(), "/etc/passwd", "x", space.get()) >= 0);
    });
  });
  expect_refused("extra: expected all its data inside the file", [](hid_t file) {
    add_dataset(file, {{4}, H5T_IEEE_F32LE, false});  // never written: libhdf5 would make up its values
  });
}

TEST(Hostile, Objects) {
  expect_refused("parameters/type: expected a group or a dataset", [](hid_t file) {
    const Hdf5Type type(H5Tcopy(H5T_IEEE_F32LE));
    CHECK(H5Tcommit2(file, "parameters/type", type.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT) >= 0);
  });
  expect_refused("\"weights\": expected a path in parameters/", [](hid_t file) {
    CHECK(H5Lmove(file, "parameters/dense_9/weights", file, "weights", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  });
  expect_refused("expected a path in parameters/", [](hid_t file) {
    CHECK(H5Lmove(file, "parameters/dense_9/weights", file, "parameters/\x1b[2J", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  });
  expect_refused("cannot read", [](hid_t file) {  // a group without the order of its links
    CHECK(Hdf5Group(H5Gcreate2(file, "parameters/plain", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)).valid());
  });
}

TEST(Hostile, MissingAttributes) {
  for (const char* name : {"step", "epoch", "class_names", "dataset_fingerprint", "image_shape", "mean", "deviation"}) {
    expect_refused(fmt::format("cannot read attribute {}", name),
                   [&](hid_t file) { CHECK(H5Adelete(file, name) >= 0); });
  }
  // A network alone has no job, but a model.
  expect_refused("cannot read attribute job", [&](hid_t file) {
    for (const char* name : {"job", "model"}) CHECK(H5Adelete(file, name) >= 0);
  });
}

TEST(Hostile, WrongAttributes) {
  const auto lock = hdf5_lock();
  const Hdf5Space scalar(H5Screate(H5S_SCALAR));
  const Hdf5Space none(H5Screate(H5S_NULL));
  const hsize_t extents[] = {2, 2};
  const Hdf5Space pair(H5Screate_simple(1, extents, nullptr));
  const Hdf5Space matrix(H5Screate_simple(2, extents, nullptr));
  const std::array<std::int64_t, 4> minus = {-1, -1, -1, -1};
  const char* text = "text";
  Hdf5Type variable(H5Tcopy(H5T_C_S1));
  CHECK(H5Tset_size(variable.get(), H5T_VARIABLE) >= 0);

  expect_refused("step: expected another number type",
                 [&](hid_t file) { replace_attribute(file, "step", H5T_IEEE_F64LE, scalar.get(), minus.data()); });
  expect_refused("step: expected one value",
                 [&](hid_t file) { replace_attribute(file, "step", H5T_STD_I64LE, pair.get(), minus.data()); });
  expect_refused("step: expected one value",
                 [&](hid_t file) { replace_attribute(file, "step", H5T_STD_I64LE, none.get(), minus.data()); });
  expect_refused("step -1 and epoch 0",
                 [&](hid_t file) { replace_attribute(file, "step", H5T_STD_I64LE, scalar.get(), minus.data()); });
  expect_refused("image_shape: expected an array of rank 1", [&](hid_t file) {
    replace_attribute(file, "image_shape", H5T_STD_I64LE, matrix.get(), minus.data());
  });
  expect_refused("job: expected strings of fixed length",
                 [&](hid_t file) { replace_attribute(file, "job", variable.get(), scalar.get(), &text); });
  expect_refused("job: expected strings of fixed length",
                 [&](hid_t file) { replace_attribute(file, "job", H5T_STD_I64LE, scalar.get(), minus.data()); });
  expect_refused("cpu: expected strings of fixed length", [&](hid_t file) {
    const Hdf5Group facts(H5Gopen2(file, "facts", H5P_DEFAULT));
    replace_attribute(facts.get(), "cpu", H5T_STD_I64LE, scalar.get(), minus.data());
  });
}

TEST(Hostile, NotHdf5) {
  std::string bytes(kUserBlockBytes + 4096, 'x');
  write_user_block(bytes);
  const Status status = decode_checkpoint(bytes).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(std::string(status.message()).find("cannot read the HDF5 image"), std::string::npos) << status;
  bytes.resize(kUserBlockBytes);
  write_user_block(bytes);
  EXPECT_TRUE(absl::IsDataLoss(decode_checkpoint(bytes).status()));
}

}  // namespace
}  // namespace lockstep
