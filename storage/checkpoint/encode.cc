// The HDF5 image of a checkpoint, built in memory by libhdf5's core driver, behind the user block.
//
// What makes the bytes a function of the content: no times, fixed format bounds, one fixed order of creation. Strings
// have fixed length: libhdf5 1.10 trusts the lengths that a file states for variable ones.
#include <algorithm>
#include <array>
#include <set>
#include <type_traits>
#include <vector>

#include "storage/base/hdf5.h"
#include "storage/checkpoint/checkpoint.h"
#include "storage/checkpoint/content.h"
#include "storage/checkpoint/user_block.h"

namespace lockstep {
namespace {

Status failed(std::string_view what) {
  return bad_data(fmt::format("cannot put {} into a checkpoint: {}", what, hdf5_error()));
}

// Properties of a group or of the whole file: links and attributes keep their order, nothing keeps a time.
// Tracking the order of attributes also lets them be larger than 64 KiB.
Hdf5Properties group_properties(hid_t kind) {
  Hdf5Properties properties(H5Pcreate(kind));
  constexpr unsigned kOrder = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
  if (H5Pset_link_creation_order(properties.get(), kOrder) < 0 ||
      H5Pset_attr_creation_order(properties.get(), kOrder) < 0 || H5Pset_obj_track_times(properties.get(), false) < 0) {
    properties.reset();
  }
  return properties;
}

// A file in memory that grows by `increment_bytes`. The oldest superblock: it has no checksum, which H5Fget_file_image
// of 1.10 leaves wrong in later ones.
Hdf5File create_file(std::size_t increment_bytes) {
  const Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS));
  const Hdf5Properties creation = group_properties(H5P_FILE_CREATE);
  if (!creation.valid() || H5Pset_fapl_core(access.get(), increment_bytes, false) < 0 ||
      H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) < 0) {
    return Hdf5File();
  }
  return Hdf5File(H5Fcreate("checkpoint", H5F_ACC_TRUNC, creation.get(), access.get()));
}

Status write_attribute(hid_t object, const std::string& name, hid_t type, const Hdf5Space& space, const void* data) {
  if (H5Sget_simple_extent_npoints(space.get()) * static_cast<hssize_t>(H5Tget_size(type)) >
      static_cast<hssize_t>(kAttributeLimitBytes)) {
    return bad_data(fmt::format("{}: expected at most {} bytes in a checkpoint, got more", name, kAttributeLimitBytes));
  }
  const Hdf5Attribute attribute(H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  // An array without elements may have no address, which libhdf5 refuses.
  const bool written = attribute.valid() && (data == nullptr || H5Awrite(attribute.get(), type, data) >= 0);
  return written ? OkStatus() : failed(name);
}

Hdf5Space scalar() {
  return Hdf5Space(H5Screate(H5S_SCALAR));
}

Hdf5Space array(hsize_t extent) {
  return Hdf5Space(H5Screate_simple(1, &extent, nullptr));
}

// Strings as an array of the longest one's length, padded with zeros.
Status write_strings(hid_t object, const std::string& name, std::span<const std::string> strings,
                     const Hdf5Space& space) {
  std::size_t length = 1;
  for (const std::string& text : strings) length = std::max(length, text.size());
  if (length > kAttributeLimitBytes / std::max<std::size_t>(strings.size(), 1)) {
    return bad_data(fmt::format("{}: expected at most {} bytes in a checkpoint, got more", name, kAttributeLimitBytes));
  }
  std::string padded;
  for (const std::string& text : strings) padded.append(text).append(length - text.size(), '\0');
  const Hdf5Type type(H5Tcopy(H5T_C_S1));
  if (H5Tset_size(type.get(), length) < 0 || H5Tset_strpad(type.get(), H5T_STR_NULLPAD) < 0 ||
      H5Tset_cset(type.get(), H5T_CSET_UTF8) < 0) {
    return failed(name);
  }
  return write_attribute(object, name, type.get(), space, padded.data());
}

Status write_attributes(const Hdf5File& file, const Checkpoint& checkpoint) {
  const hid_t root = file.get();
  if (!checkpoint.model.empty()) RETURN_IF_ERROR(write_strings(root, "model", {&checkpoint.model, 1}, scalar()));
  const bool is_alone = checkpoint.job.empty() && !checkpoint.model.empty();
  if (!is_alone) RETURN_IF_ERROR(write_strings(root, "job", {&checkpoint.job, 1}, scalar()));
  RETURN_IF_ERROR(write_attribute(root, "step", H5T_STD_I64LE, scalar(), &checkpoint.step));
  RETURN_IF_ERROR(write_attribute(root, "epoch", H5T_STD_I64LE, scalar(), &checkpoint.epoch));
  if (checkpoint.accuracy) {
    RETURN_IF_ERROR(write_attribute(root, "accuracy", H5T_IEEE_F64LE, scalar(), &*checkpoint.accuracy));
  }
  const auto write_array = [&](const std::string& name, hid_t type, const auto& values) {
    return write_attribute(root, name, type, array(values.size()), values.data());
  };
  const std::string target(target_name(checkpoint.target));
  RETURN_IF_ERROR(write_strings(root, "target", {&target, 1}, scalar()));
  RETURN_IF_ERROR(write_strings(root, "class_names", checkpoint.class_names, array(checkpoint.class_names.size())));
  if (checkpoint.target == TargetKind::kNumbers) {
    RETURN_IF_ERROR(write_strings(root, "units", checkpoint.units, array(checkpoint.units.size())));
    RETURN_IF_ERROR(write_array("target_mean", H5T_IEEE_F32LE, checkpoint.target_mean));
    RETURN_IF_ERROR(write_array("target_deviation", H5T_IEEE_F32LE, checkpoint.target_deviation));
  }
  RETURN_IF_ERROR(
      write_attribute(root, "dataset_fingerprint", H5T_STD_U64LE, scalar(), &checkpoint.dataset_fingerprint));
  RETURN_IF_ERROR(write_array("image_shape", H5T_STD_I64LE, checkpoint.image_shape));
  RETURN_IF_ERROR(write_array("mean", H5T_IEEE_F32LE, checkpoint.mean));
  return write_array("deviation", H5T_IEEE_F32LE, checkpoint.deviation);
}

Hdf5Group create_group(const Hdf5File& file, const std::string& path) {
  const Hdf5Properties properties = group_properties(H5P_GROUP_CREATE);
  if (!properties.valid()) return Hdf5Group();
  return Hdf5Group(H5Gcreate2(file.get(), path.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT));
}

Status write_facts(const Hdf5File& file, const std::map<std::string, std::string>& facts) {
  const Hdf5Group group = create_group(file, "facts");
  if (!group.valid()) return failed("facts");
  for (const auto& [name, value] : facts) RETURN_IF_ERROR(write_strings(group.get(), name, {&value, 1}, scalar()));
  return OkStatus();
}

// An array a figure; of a metric that an evaluation does not have, not a number.
Status write_metrics(const Hdf5File& file, const char* name, std::span<const CheckpointEvaluation> evaluations) {
  const Hdf5Group group = create_group(file, name);
  if (!group.valid()) return failed(name);
  const auto write = [&](const std::string& attribute, hid_t type, const auto& figure) {
    std::vector<std::remove_cvref_t<decltype(figure(evaluations[0]))>> values;
    for (const CheckpointEvaluation& it : evaluations) values.push_back(figure(it));
    return write_attribute(group.get(), attribute, type, array(values.size()), values.data());
  };
  using Evaluation = CheckpointEvaluation;
  RETURN_IF_ERROR(write("step", H5T_STD_I64LE, [](const Evaluation& it) { return it.step; }));
  RETURN_IF_ERROR(write("epoch", H5T_STD_I64LE, [](const Evaluation& it) { return it.epoch; }));
  RETURN_IF_ERROR(write("rows", H5T_STD_I64LE, [](const Evaluation& it) { return it.rows; }));
  RETURN_IF_ERROR(write("loss", H5T_IEEE_F64LE, [](const Evaluation& it) { return it.loss; }));
  std::set<std::string> written;
  for (auto it = evaluations.rbegin(); it != evaluations.rend(); ++it) {  // the order of the last one counts
    for (const MetricValue& metric : it->metrics) {
      if (!written.insert(metric.name).second) continue;
      RETURN_IF_ERROR(write(metric.name, H5T_IEEE_F64LE,
                            [&](const Evaluation& at) { return metric_value(at.metrics, metric.name); }));
    }
  }
  return OkStatus();
}

Status write_tensor(const Hdf5File& file, const CheckpointTensor& tensor, std::set<std::string>& groups) {
  for (std::size_t end = tensor.path.find('/'); end != std::string::npos; end = tensor.path.find('/', end + 1)) {
    const std::string group = tensor.path.substr(0, end);
    if (groups.insert(group).second && !create_group(file, group).valid()) return failed(group);
  }
  std::array<hsize_t, kTensorRankLimit> extents = {};
  std::copy(tensor.shape.begin(), tensor.shape.end(), extents.begin());
  const Hdf5Space space(H5Screate_simple(static_cast<int>(tensor.shape.size()), extents.data(), nullptr));
  const Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
  if (H5Pset_layout(properties.get(), H5D_CONTIGUOUS) < 0 ||
      H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER) < 0 ||
      H5Pset_obj_track_times(properties.get(), false) < 0) {
    return failed(tensor.path);
  }
  const Hdf5DatasetId dataset(H5Dcreate2(file.get(), tensor.path.c_str(), H5T_IEEE_F32LE, space.get(), H5P_DEFAULT,
                                         properties.get(), H5P_DEFAULT));
  const bool written = dataset.valid() && H5Dwrite(dataset.get(), H5T_IEEE_F32LE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                                   tensor.values.data()) >= 0;
  return written ? OkStatus() : failed(tensor.path);
}

// The image, with room for the user block in front.
StatusOr<std::string> take_image(const Hdf5File& file) {
  if (H5Fflush(file.get(), H5F_SCOPE_GLOBAL) < 0) return failed("the image");
  const ssize_t size = H5Fget_file_image(file.get(), nullptr, 0);
  if (size < 0) return failed("the image");
  const auto length = static_cast<std::size_t>(size);
  if (length > kCheckpointLimitBytes - kUserBlockBytes) {
    return bad_data(fmt::format("expected at most {} bytes in a checkpoint, got {}", kCheckpointLimitBytes, length));
  }
  std::string bytes(kUserBlockBytes + length, '\0');
  if (H5Fget_file_image(file.get(), bytes.data() + kUserBlockBytes, length) != size) return failed("the image");
  return bytes;
}

// Room for the user block, and the image. Between tensors others may enter libhdf5: training rows are read meanwhile.
StatusOr<std::string> encode_image(const Checkpoint& checkpoint) {
  std::size_t payload_bytes = std::size_t(1) << 20;
  for (const CheckpointTensor& tensor : checkpoint.tensors) payload_bytes += tensor.values.size() * sizeof(float);

  auto lock = hdf5_lock();
  const Hdf5File file = create_file(payload_bytes);
  if (!file.valid()) return failed("anything");
  RETURN_IF_ERROR(write_attributes(file, checkpoint));
  RETURN_IF_ERROR(write_facts(file, checkpoint.facts));
  if (checkpoint.evaluations) RETURN_IF_ERROR(write_metrics(file, "metrics", *checkpoint.evaluations));
  if (checkpoint.final_test) RETURN_IF_ERROR(write_metrics(file, "final_test", {&*checkpoint.final_test, 1}));
  std::set<std::string> groups;
  for (const CheckpointTensor& tensor : checkpoint.tensors) {
    lock.unlock();
    lock.lock();
    RETURN_IF_ERROR(write_tensor(file, tensor, groups));
  }
  return take_image(file);
}

}  // namespace

StatusOr<std::string> encode_checkpoint(const Checkpoint& checkpoint) {
  RETURN_IF_ERROR(check_content(checkpoint));
  ASSIGN_OR_RETURN(std::string bytes, encode_image(checkpoint));
  write_user_block(bytes);  // the digest takes long: whoever reads rows does not wait for it
  return bytes;
}

}  // namespace lockstep
