// Reads a checkpoint out of verified bytes. The digest proves that nobody changed the file by accident, not who wrote
// it: types, ranks and sizes are checked before memory is taken or data are read, and every HDF5 feature that
// encode.cc does not use is refused.
#include <algorithm>
#include <array>
#include <optional>

#include "storage/base/hdf5.h"
#include "storage/checkpoint/checkpoint.h"
#include "storage/checkpoint/content.h"
#include "storage/checkpoint/user_block.h"

namespace lockstep {
namespace {

Status unreadable(std::string_view what) {
  return bad_data(fmt::format("cannot read {}: {}", what, hdf5_error()));
}

Status unexpected(std::string_view what, std::string_view expected) {
  return bad_data(fmt::format("{}: expected {}, got something else", what, expected));
}

Hdf5File open_image(std::string_view image) {
  const Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS));
  // The library copies the buffer.
  void* const buffer = const_cast<char*>(image.data());
  if (H5Pset_fapl_core(access.get(), std::size_t(1) << 20, false) < 0 ||
      H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG) < 0 ||
      H5Pset_file_image(access.get(), buffer, image.size()) < 0) {
    return Hdf5File();
  }
  return Hdf5File(H5Fopen("checkpoint", H5F_ACC_RDONLY, access.get()));
}

// An attribute whose rank is 0 or 1 and whose size is within limits.
struct OpenAttribute {
  Hdf5Attribute id;
  Hdf5Type type;
  std::size_t count = 0;
};

StatusOr<OpenAttribute> open_attribute(hid_t object, const std::string& name, int rank) {
  OpenAttribute attribute;
  attribute.id = Hdf5Attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT));
  if (!attribute.id.valid()) return unreadable(fmt::format("attribute {}", name));
  attribute.type = Hdf5Type(H5Aget_type(attribute.id.get()));
  const Hdf5Space space(H5Aget_space(attribute.id.get()));
  const bool is_scalar = H5Sget_simple_extent_type(space.get()) == H5S_SCALAR;
  const bool is_simple = H5Sget_simple_extent_type(space.get()) == H5S_SIMPLE;
  if ((!is_scalar && !is_simple) || H5Sget_simple_extent_ndims(space.get()) != rank) {
    return unexpected(fmt::format("attribute {}", name), rank == 0 ? "one value" : "an array of rank 1");
  }
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  const std::size_t bytes = H5Tget_size(attribute.type.get());
  if (count < 0 || bytes == 0 || static_cast<std::size_t>(count) > kAttributeLimitBytes / bytes) {
    return unexpected(fmt::format("attribute {}", name), fmt::format("at most {} bytes", kAttributeLimitBytes));
  }
  attribute.count = static_cast<std::size_t>(count);
  return attribute;
}

template <typename Number>
Status read_array(hid_t object, const std::string& name, hid_t type, int rank, std::vector<Number>& values) {
  ASSIGN_OR_RETURN(const OpenAttribute attribute, open_attribute(object, name, rank));
  if (H5Tequal(attribute.type.get(), type) <= 0) {
    return unexpected(fmt::format("attribute {}", name), "another number type");
  }
  values.resize(attribute.count);
  if (!values.empty() && H5Aread(attribute.id.get(), type, values.data()) < 0) {
    return unreadable(fmt::format("attribute {}", name));
  }
  return OkStatus();
}

template <typename Number>
Status read_number(hid_t object, const std::string& name, hid_t type, Number& value) {
  std::vector<Number> values;
  RETURN_IF_ERROR(read_array(object, name, type, 0, values));
  value = values.at(0);
  return OkStatus();
}

StatusOr<std::vector<std::string>> read_strings(hid_t object, const std::string& name, int rank) {
  ASSIGN_OR_RETURN(const OpenAttribute attribute, open_attribute(object, name, rank));
  const hid_t type = attribute.type.get();
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || H5Tget_strpad(type) != H5T_STR_NULLPAD) {
    return unexpected(fmt::format("attribute {}", name), "strings of fixed length, padded with zeros");
  }
  const std::size_t length = H5Tget_size(type);
  std::string padded(attribute.count * length, '\0');
  if (H5Aread(attribute.id.get(), type, padded.data()) < 0) return unreadable(fmt::format("attribute {}", name));
  std::vector<std::string> strings(attribute.count);
  for (std::size_t i = 0; i < strings.size(); ++i) {
    strings[i] = padded.substr(i * length, length);
    strings[i].erase(strings[i].find_last_not_of('\0') + 1);
  }
  return strings;
}

StatusOr<bool> has_attribute(hid_t object, const char* name) {
  const htri_t there = H5Aexists(object, name);
  if (there < 0) return unreadable("the attributes");
  return there > 0;
}

StatusOr<std::string> read_string(hid_t object, const std::string& name) {
  ASSIGN_OR_RETURN(std::vector<std::string> strings, read_strings(object, name, 0));
  return std::move(strings.at(0));
}

// Of version 1; files of before they were stored have none.
Status read_old_evaluations(hid_t root, Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(const bool there, has_attribute(root, "evaluation_steps"));
  if (!there) return OkStatus();
  std::vector<std::int64_t> steps, epochs, rows;
  std::vector<double> losses, accuracies;
  RETURN_IF_ERROR(read_array(root, "evaluation_steps", H5T_STD_I64LE, 1, steps));
  RETURN_IF_ERROR(read_array(root, "evaluation_epochs", H5T_STD_I64LE, 1, epochs));
  RETURN_IF_ERROR(read_array(root, "evaluation_rows", H5T_STD_I64LE, 1, rows));
  RETURN_IF_ERROR(read_array(root, "evaluation_losses", H5T_IEEE_F64LE, 1, losses));
  RETURN_IF_ERROR(read_array(root, "evaluation_accuracies", H5T_IEEE_F64LE, 1, accuracies));
  const std::size_t count = steps.size();
  if (epochs.size() != count || rows.size() != count || losses.size() != count || accuracies.size() != count) {
    return unexpected("the attributes evaluation_...", fmt::format("{} values each", count));
  }
  std::vector<CheckpointEvaluation>& evaluations = checkpoint.evaluations.emplace();
  for (std::size_t i = 0; i < count; ++i) {
    evaluations.push_back({.step = steps[i],
                           .epoch = epochs[i],
                           .rows = rows[i],
                           .loss = losses[i],
                           .metrics = {{"accuracy", accuracies[i]}}});
  }
  return OkStatus();
}

// Of version 1: one class a row.
Status read_target(hid_t root, Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(const bool there, has_attribute(root, "target"));
  if (!there) return OkStatus();
  ASSIGN_OR_RETURN(const std::string name, read_string(root, "target"));
  const std::optional<TargetKind> found = target_of_name(name);
  if (!found) return unexpected("attribute target", "the name of a kind of target");
  checkpoint.target = *found;
  if (*found != TargetKind::kNumbers) return OkStatus();
  ASSIGN_OR_RETURN(checkpoint.units, read_strings(root, "units", 1));
  RETURN_IF_ERROR(read_array(root, "target_mean", H5T_IEEE_F32LE, 1, checkpoint.target_mean));
  return read_array(root, "target_deviation", H5T_IEEE_F32LE, 1, checkpoint.target_deviation);
}

Status read_attributes(hid_t root, Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(const bool has_model, has_attribute(root, "model"));
  if (has_model) {
    ASSIGN_OR_RETURN(checkpoint.model, read_string(root, "model"));
  }
  ASSIGN_OR_RETURN(const bool has_job, has_attribute(root, "job"));
  if (has_job || !has_model) {
    ASSIGN_OR_RETURN(checkpoint.job, read_string(root, "job"));
  }
  RETURN_IF_ERROR(read_number(root, "step", H5T_STD_I64LE, checkpoint.step));
  RETURN_IF_ERROR(read_number(root, "epoch", H5T_STD_I64LE, checkpoint.epoch));
  ASSIGN_OR_RETURN(const bool has_accuracy, has_attribute(root, "accuracy"));
  if (has_accuracy) RETURN_IF_ERROR(read_number(root, "accuracy", H5T_IEEE_F64LE, checkpoint.accuracy.emplace()));
  RETURN_IF_ERROR(read_old_evaluations(root, checkpoint));
  RETURN_IF_ERROR(read_target(root, checkpoint));
  ASSIGN_OR_RETURN(checkpoint.class_names, read_strings(root, "class_names", 1));
  RETURN_IF_ERROR(read_number(root, "dataset_fingerprint", H5T_STD_U64LE, checkpoint.dataset_fingerprint));
  RETURN_IF_ERROR(read_array(root, "image_shape", H5T_STD_I64LE, 1, checkpoint.image_shape));
  RETURN_IF_ERROR(read_array(root, "mean", H5T_IEEE_F32LE, 1, checkpoint.mean));
  return read_array(root, "deviation", H5T_IEEE_F32LE, 1, checkpoint.deviation);
}

herr_t append_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

Status read_facts(hid_t group, std::map<std::string, std::string>& facts) {
  std::vector<std::string> names;
  if (H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, append_name, &names) < 0) return unreadable("facts");
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(facts[name], read_string(group, name));
  }
  return OkStatus();
}

StatusOr<std::vector<CheckpointEvaluation>> read_metrics(hid_t group, const char* group_name) {
  std::vector<std::string> names;
  if (H5Aiterate2(group, H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, append_name, &names) < 0) {
    return unreadable(group_name);
  }
  std::vector<std::int64_t> steps, epochs, rows;
  RETURN_IF_ERROR(read_array(group, "step", H5T_STD_I64LE, 1, steps));
  RETURN_IF_ERROR(read_array(group, "epoch", H5T_STD_I64LE, 1, epochs));
  RETURN_IF_ERROR(read_array(group, "rows", H5T_STD_I64LE, 1, rows));
  std::vector<CheckpointEvaluation> evaluations(steps.size());
  if (epochs.size() != steps.size() || rows.size() != steps.size()) {
    return unexpected(fmt::format("the attributes of {}", group_name), fmt::format("{} values each", steps.size()));
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    evaluations[i].step = steps[i];
    evaluations[i].epoch = epochs[i];
    evaluations[i].rows = rows[i];
  }
  for (const std::string& name : names) {
    if (name == "step" || name == "epoch" || name == "rows") continue;
    std::vector<double> values;
    RETURN_IF_ERROR(read_array(group, name, H5T_IEEE_F64LE, 1, values));
    if (values.size() != steps.size()) {
      return unexpected(fmt::format("{}: {}", group_name, name), fmt::format("{} values", steps.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (name == "loss") evaluations[i].loss = values[i];
      if (name != "loss") evaluations[i].metrics.push_back({name, values[i]});
    }
  }
  return evaluations;
}

struct Link {
  std::string name;
  H5L_type_t type;
};

herr_t append_link(hid_t, const char* name, const H5L_info_t* info, void* links) {
  static_cast<std::vector<Link>*>(links)->push_back({name, info->type});
  return 0;
}

// Walks the groups below the root; every dataset becomes a tensor. Ends on any graph of links: depth and the number of
// links followed are limited, and the tensors together may not hold more than the image does.
class Walk {
 public:
  Walk(std::size_t image_bytes, Checkpoint& checkpoint)
      : image_bytes_(image_bytes), elements_left_(image_bytes / sizeof(float)), checkpoint_(checkpoint) {}

  Status group(hid_t id, const std::string& path, std::size_t depth) {
    std::vector<Link> links;
    if (H5Literate(id, H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, append_link, &links) < 0) return unreadable(path);
    links_ += links.size();
    if (depth >= kPathDepthLimit || links_ > kLinkLimit) return unexpected(path, "fewer groups");
    for (const Link& link : links) {
      const std::string child = path + (path.empty() ? "" : "/") + link.name;
      if (link.type != H5L_TYPE_HARD) return bad_data(fmt::format("{} is a soft or external link: refused", child));
      const Hdf5Object object(H5Oopen(id, link.name.c_str(), H5P_DEFAULT));
      if (!object.valid()) return unreadable(child);
      RETURN_IF_ERROR(visit(object.get(), child, depth + 1));
    }
    return OkStatus();
  }

 private:
  static constexpr std::size_t kLinkLimit = 1 << 18;

  Status visit(hid_t object, const std::string& path, std::size_t depth) {
    const H5I_type_t type = H5Iget_type(object);
    if (type == H5I_GROUP && path == "facts") return read_facts(object, checkpoint_.facts);
    if (type == H5I_GROUP && path == "metrics") {
      ASSIGN_OR_RETURN(checkpoint_.evaluations, read_metrics(object, "metrics"));
      return OkStatus();
    }
    if (type == H5I_GROUP && path == "final_test") {
      ASSIGN_OR_RETURN(const auto found, read_metrics(object, "final_test"));
      if (found.size() != 1) return unexpected(path, "one evaluation");
      checkpoint_.final_test = found[0];
      return OkStatus();
    }
    if (type == H5I_GROUP) return group(object, path, depth);
    if (type == H5I_DATASET) return tensor(object, path);
    return unexpected(path, "a group or a dataset");
  }

  Status tensor(hid_t dataset, const std::string& path) {
    const Hdf5Type type(H5Dget_type(dataset));
    if (H5Tequal(type.get(), H5T_IEEE_F32LE) <= 0) return unexpected(path, "little-endian float32");
    CheckpointTensor tensor{.path = path, .shape = {}, .values = {}};
    ASSIGN_OR_RETURN(tensor.shape, shape(dataset, path));
    const std::size_t elements = tensor_elements(tensor.shape, elements_left_);
    if (elements == 0) return unexpected(path, "no more elements than the file has room for");
    RETURN_IF_ERROR(check_storage(dataset, path, elements * sizeof(float)));
    elements_left_ -= elements;
    tensor.values.resize(elements);
    if (H5Dread(dataset, H5T_IEEE_F32LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.values.data()) < 0) {
      return unreadable(path);
    }
    checkpoint_.tensors.push_back(std::move(tensor));
    return OkStatus();
  }

  static StatusOr<std::vector<std::int64_t>> shape(hid_t dataset, const std::string& path) {
    const Hdf5Space space(H5Dget_space(dataset));
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (rank < 1 || rank > static_cast<int>(kTensorRankLimit)) {
      return unexpected(path, fmt::format("1 to {} dimensions", kTensorRankLimit));
    }
    std::array<hsize_t, kTensorRankLimit> extents = {};
    if (H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr) != rank) return unreadable(path);
    return std::vector<std::int64_t>(extents.begin(), extents.begin() + rank);
  }

  // The data lie uncompressed, in one piece, inside the image.
  Status check_storage(hid_t dataset, const std::string& path, std::size_t bytes) const {
    const Hdf5Properties properties(H5Dget_create_plist(dataset));
    if (H5Pget_layout(properties.get()) != H5D_CONTIGUOUS || H5Pget_external_count(properties.get()) != 0 ||
        H5Pget_nfilters(properties.get()) != 0) {
      return unexpected(path, "contiguous data in the same file, without filters");
    }
    const haddr_t offset = H5Dget_offset(dataset);
    if (H5Dget_storage_size(dataset) != bytes || offset == HADDR_UNDEF || bytes > image_bytes_ ||
        offset > image_bytes_ - bytes) {
      return unexpected(path, "all its data inside the file");
    }
    return OkStatus();
  }

  std::size_t image_bytes_;
  std::size_t elements_left_;
  std::size_t links_ = 0;
  Checkpoint& checkpoint_;
};

}  // namespace

StatusOr<Checkpoint> decode_checkpoint(std::string_view bytes) {
  RETURN_IF_ERROR(verify_checkpoint(bytes));
  const std::string_view image = bytes.substr(kUserBlockBytes);
  Checkpoint checkpoint;
  const auto lock = hdf5_lock();
  const Hdf5File file = open_image(image);
  if (!file.valid()) return unreadable("the HDF5 image");
  const Hdf5Group root(H5Gopen2(file.get(), "/", H5P_DEFAULT));
  if (!root.valid()) return unreadable("the root group");
  RETURN_IF_ERROR(read_attributes(root.get(), checkpoint));
  RETURN_IF_ERROR(Walk(image.size(), checkpoint).group(root.get(), "", 0));
  RETURN_IF_ERROR(check_content(checkpoint));
  return checkpoint;
}

}  // namespace lockstep
