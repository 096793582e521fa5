#include "storage/dataset/hdf5_attributes.h"

#include <algorithm>
#include <cstring>

#include "storage/base/hdf5.h"
#include "storage/dataset/dataset.h"
#include "storage/dataset/hdf5_types.h"

namespace lockstep {
namespace {

struct OpenAttribute {
  Hdf5Attribute id;
  Hdf5Type type;
  std::size_t length = 0;
};

StatusOr<std::optional<OpenAttribute>> open_attribute(hid_t object, const char* name, H5T_class_t type_class,
                                                      std::string_view expected) {
  const htri_t exists = H5Aexists(object, name);
  if (exists < 0) return hdf5_read_error(fmt::format("attribute {} cannot be looked up", name));
  if (exists == 0) return std::optional<OpenAttribute>();

  OpenAttribute attribute;
  attribute.id = Hdf5Attribute(H5Aopen(object, name, H5P_DEFAULT));
  const Hdf5Space space(attribute.id.valid() ? H5Aget_space(attribute.id.get()) : -1);
  attribute.type = Hdf5Type(attribute.id.valid() ? H5Aget_type(attribute.id.get()) : -1);
  if (!space.valid() || !attribute.type.valid()) {
    return hdf5_read_error(fmt::format("attribute {} cannot be opened", name));
  }
  hsize_t length = 0;
  if (H5Tget_class(attribute.type.get()) != type_class || H5Sget_simple_extent_ndims(space.get()) != 1 ||
      H5Sget_simple_extent_dims(space.get(), &length, nullptr) != 1) {
    return bad_data(fmt::format("attribute {} is not an array of {} of one dimension", name, expected));
  }
  if (length < 1 || length > hsize_t(kClassLimit)) {
    return bad_data(fmt::format("attribute {} has {} elements: expected 1 to {}", name, length, kClassLimit));
  }
  attribute.length = std::size_t(length);
  return std::optional<OpenAttribute>(std::move(attribute));
}

StatusOr<std::vector<std::string>> read_fixed_strings(const OpenAttribute& attribute, const char* name) {
  const std::size_t size = H5Tget_size(attribute.type.get());
  if (size < 1 || size > kStringLimitBytes || attribute.length * size > (std::size_t(1) << 30)) {
    return bad_data(
        fmt::format("attribute {} has strings of {} bytes: expected 1 to {}", name, size, kStringLimitBytes));
  }
  std::string bytes(attribute.length * size, '\0');
  if (H5Aread(attribute.id.get(), attribute.type.get(), bytes.data()) < 0) {
    return hdf5_read_error(fmt::format("attribute {} cannot be read", name));
  }
  const bool spaces = H5Tget_strpad(attribute.type.get()) == H5T_STR_SPACEPAD;
  std::vector<std::string> values;
  for (std::size_t i = 0; i < attribute.length; ++i) {
    std::string value = bytes.substr(i * size, size);
    value.resize(std::strlen(value.c_str()));
    while (spaces && !value.empty() && value.back() == ' ') value.pop_back();
    values.push_back(std::move(value));
  }
  return values;
}

StatusOr<std::vector<std::string>> read_variable_strings(const OpenAttribute& attribute, const char* name) {
  const Hdf5Type type = string_type(H5T_VARIABLE, H5Tget_cset(attribute.type.get()));
  std::vector<char*> pointers(attribute.length, nullptr);
  const bool read = H5Aread(attribute.id.get(), type.get(), pointers.data()) >= 0;
  std::vector<std::string> values;
  bool too_long = false;
  for (char* pointer : pointers) {
    if (pointer == nullptr) {
      values.emplace_back();
      continue;
    }
    const std::size_t length = strnlen(pointer, kStringLimitBytes + 1);
    too_long = too_long || length > kStringLimitBytes;
    values.emplace_back(pointer, length);
    H5free_memory(pointer);
  }
  if (!read) return hdf5_read_error(fmt::format("attribute {} cannot be read", name));
  if (too_long) return bad_data(fmt::format("attribute {} has a string of over {} bytes", name, kStringLimitBytes));
  return values;
}

Status write_attribute(hid_t object, const char* name, hid_t type, std::size_t length, const void* values) {
  const hsize_t dims = length;
  const Hdf5Space space(H5Screate_simple(1, &dims, nullptr));
  const Hdf5Attribute attribute(H5Acreate2(object, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute.valid() || H5Awrite(attribute.get(), type, values) < 0) {
    return io_error(fmt::format("cannot write attribute {}: {}", name, hdf5_error()));
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::optional<std::vector<std::string>>> read_string_attribute(hid_t object, const char* name) {
  ASSIGN_OR_RETURN(const auto attribute, open_attribute(object, name, H5T_STRING, "strings"));
  if (!attribute) return std::optional<std::vector<std::string>>();
  const htri_t variable = H5Tis_variable_str(attribute->type.get());
  ASSIGN_OR_RETURN(auto values,
                   variable > 0 ? read_variable_strings(*attribute, name) : read_fixed_strings(*attribute, name));
  return std::optional(std::move(values));
}

StatusOr<std::optional<std::int64_t>> read_integer_attribute(hid_t object, const char* name) {
  const htri_t exists = H5Aexists(object, name);
  if (exists < 0) return hdf5_read_error(fmt::format("attribute {} cannot be looked up", name));
  if (exists == 0) return std::optional<std::int64_t>();
  const Hdf5Attribute attribute(H5Aopen(object, name, H5P_DEFAULT));
  const Hdf5Space space(attribute.valid() ? H5Aget_space(attribute.get()) : -1);
  const Hdf5Type type(attribute.valid() ? H5Aget_type(attribute.get()) : -1);
  if (!space.valid() || !type.valid()) return hdf5_read_error(fmt::format("attribute {} cannot be opened", name));
  if (H5Tget_class(type.get()) != H5T_INTEGER || H5Sget_simple_extent_npoints(space.get()) != 1) {
    return bad_data(fmt::format("attribute {} is not one whole number", name));
  }
  std::int64_t value = 0;
  if (H5Aread(attribute.get(), H5T_NATIVE_INT64, &value) < 0) {
    return hdf5_read_error(fmt::format("attribute {} cannot be read", name));
  }
  return std::optional(value);
}

StatusOr<std::optional<std::vector<float>>> read_float_attribute(hid_t object, const char* name) {
  ASSIGN_OR_RETURN(const auto attribute, open_attribute(object, name, H5T_FLOAT, "floats"));
  if (!attribute) return std::optional<std::vector<float>>();
  std::vector<float> values(attribute->length);
  if (H5Aread(attribute->id.get(), H5T_NATIVE_FLOAT, values.data()) < 0) {
    return hdf5_read_error(fmt::format("attribute {} cannot be read", name));
  }
  return std::optional(std::move(values));
}

Status write_string_attribute(hid_t object, const char* name, std::span<const std::string> values) {
  std::size_t size = 1;
  for (const std::string& value : values) size = std::max(size, value.size());
  std::string bytes;
  for (const std::string& value : values) bytes.append(value).append(size - value.size(), '\0');
  const Hdf5Type type = string_type(size, H5T_CSET_UTF8);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return write_attribute(object, name, type.get(), values.size(), bytes.data());
}

Status write_float_attribute(hid_t object, const char* name, std::span<const float> values) {
  return write_attribute(object, name, H5T_IEEE_F32LE, values.size(), values.data());
}

Status write_integer_attribute(hid_t object, const char* name, std::int64_t value) {
  return write_attribute(object, name, H5T_STD_I64LE, 1, &value);
}

}  // namespace lockstep
