#include "storage/dataset/hdf5_types.h"

#include <utility>

namespace lockstep {

hid_t memory_type(PixelType type) {
  switch (type) {
    case PixelType::kUint8:
      return H5T_NATIVE_UINT8;
    case PixelType::kUint16:
      return H5T_NATIVE_UINT16;
    case PixelType::kFloat32:
      return H5T_NATIVE_FLOAT;
  }
  CHECK(false, "no pixel type {}", int(type));
}

hid_t file_type(PixelType type) {
  switch (type) {
    case PixelType::kUint8:
      return H5T_STD_U8LE;
    case PixelType::kUint16:
      return H5T_STD_U16LE;
    case PixelType::kFloat32:
      return H5T_IEEE_F32LE;
  }
  CHECK(false, "no pixel type {}", int(type));
}

Hdf5Type string_type(std::size_t size, H5T_cset_t character_set) {
  Hdf5Type type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), size);
  H5Tset_cset(type.get(), character_set);
  return type;
}

std::string_view class_name(H5T_class_t type_class) {
  switch (type_class) {
    case H5T_INTEGER:
      return "integer";
    case H5T_FLOAT:
      return "float";
    case H5T_TIME:
      return "time";
    case H5T_STRING:
      return "string";
    case H5T_BITFIELD:
      return "bit field";
    case H5T_OPAQUE:
      return "opaque";
    case H5T_COMPOUND:
      return "compound";
    case H5T_REFERENCE:
      return "reference";
    case H5T_ENUM:
      return "enumeration, as h5py stores bool";
    case H5T_VLEN:
      return "array of variable length";
    case H5T_ARRAY:
      return "array";
    default:
      return "unknown";
  }
}

// The numbers are those of the HDF Group's registry.
std::string filter_name(H5Z_filter_t filter) {
  constexpr std::pair<H5Z_filter_t, std::string_view> kNames[] = {{H5Z_FILTER_SZIP, "szip"},
                                                                  {H5Z_FILTER_NBIT, "nbit"},
                                                                  {H5Z_FILTER_SCALEOFFSET, "scaleoffset"},
                                                                  {305, "LZO"},
                                                                  {307, "bzip2"},
                                                                  {32000, "lzf"},
                                                                  {32001, "Blosc"},
                                                                  {32004, "LZ4"},
                                                                  {32008, "Bitshuffle"},
                                                                  {32013, "ZFP"},
                                                                  {32015, "Zstandard"},
                                                                  {32017, "SZ"},
                                                                  {32018, "fcidecomp"},
                                                                  {32019, "JPEG"},
                                                                  {32024, "SZ3"},
                                                                  {32026, "Blosc2"}};
  for (const auto& [number, name] : kNames) {
    if (number == filter) return std::string(name);
  }
  return fmt::format("number {} of HDF5's registry", filter);
}

}  // namespace lockstep
